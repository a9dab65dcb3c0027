import { afterAll, beforeAll, expect, test } from 'vitest';
import { CHEATS, type Cheat, HONEST } from '../../testing/cheats.ts';
import { baseOf, FORMS, type Form } from '../../testing/runners.ts';
import type { Files } from '../../testing/snapshots.ts';
import { openVerifying, type Verifying } from './verifying.ts';

// What passes and what must never pass, under one test runner. A file a runner calls it, so that they share the test's workers.

let verifying: Verifying;

/** One installation a runner: no case changes what is installed. */
const INSTALL = { install: 'npm install --no-audit --no-fund --no-package-lock' };

// MILLWRIGHT_MATRIX=every tries each under all.
const every = process.env.MILLWRIGHT_MATRIX === 'every';
const cheatsFor = (form: Form) => {
  const nth = FORMS.indexOf(form);
  return CHEATS.filter(
    ({ every: all }, index) => every || all || nth === 0 || index % (FORMS.length - 1) === nth - 1,
  );
};

function formOf(name: Form['name']): Form {
  const form = FORMS.find((one) => one.name === name);
  if (form === undefined) throw new TypeError(`there is no runner ${name}`);
  return form;
}

/** The tests of the runner `name`. By default every way of cheating is tried under node --test and under one other, in turn. */
export function verifies(name: Form['name']): void {
  const form = formOf(name);
  beforeAll(async () => {
    verifying = await openVerifying(name);
  });
  afterAll(() => verifying?.close());

  const base = baseOf(form);

  async function report(change: Cheat['change'], timeoutMs = 60_000) {
    const next: Files = {};
    for (const [path, content] of Object.entries({ ...base, ...change(form) }))
      if (content !== null) next[path] = content;
    return (await verifying.verify(base, next, { config: INSTALL, timeoutMs })).report;
  }

  test.each(HONEST)(
    'passes: $name',
    async ({ change }) => {
      expect(await report(change)).toMatchObject({
        ...{ verdict: 'passed', runner: form.name, names: { base: 3, missing: [], failing: [] } },
        suite: { exitCode: 0, timedOut: false },
        ...{ baseTests: { files: ['test/twice.test.js'], failing: [] } },
      });
    },
    300_000,
  );

  test.each(cheatsFor(form))('never passes: $name', async ({ change }) => {
    const made = await report(change);
    expect(made.reason).not.toBe('');
    expect(['failed', 'invalid']).toContain(made.verdict);
  });

  test('never passes: an endless loop', async () => {
    const endless = () => ({ 'src/sum.js': 'for (;;) {}\n' });
    expect(await report(endless, 5_000)).toMatchObject({ verdict: 'failed' });
  });
}
