import { afterAll, beforeAll, expect, test } from 'vitest';
import { CHEATS, type Cheat, HONEST } from '../../testing/cheats.ts';
import { HABITS, habitual } from '../../testing/habits.ts';
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
/** Shown under node --test already: under another runner with the long tests. */
const isAgain = ({ outside }: Cheat, form: Form) => outside === true && form !== FORMS[0];

function formOf(name: Form['name']): Form {
  const form = FORMS.find((one) => one.name === name);
  if (form === undefined) throw new TypeError(`there is no runner ${name}`);
  return form;
}

/**
 * The tests of the runner `name`. By default every way of cheating is tried under node --test, and those that have to do with a runner under one other,
 * in turn.
 */
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

  // Each passes plainly on its base, so it must be followed by name to a pass, and not by a plainer way.
  test('passes, followed by name: a suite that looks at what runs it', async () => {
    const looks = habitual(form);
    const next = { ...looks, 'README.md': 'One line of prose.\n' };
    const { report: made } = await verifying.verify(looks, next, { config: INSTALL });
    expect(made.names.failingOnBase).toEqual([]);
    expect(made.failures).toEqual([]);
    expect(made).toMatchObject({
      ...{ verdict: 'passed', runner: form.name, followed: 'proven', fellBack: null, doubts: [] },
      names: { reported: HABITS.length + 3, failing: [], missing: [] },
    });
  });

  const NEVER = 'never passes: $name';
  const never = async ({ change }: Cheat) => {
    const made = await report(change);
    expect(made.reason).not.toBe('');
    expect(['failed', 'invalid']).toContain(made.verdict);
  };
  test.each(cheatsFor(form).filter((one) => !isAgain(one, form)))(NEVER, never);
  test.each(cheatsFor(form).filter((one) => isAgain(one, form)))(NEVER, { tags: ['long'] }, never);

  test('never passes: an endless loop', async () => {
    const endless = () => ({ 'src/sum.js': 'for (;;) {}\n' });
    expect(await report(endless, 5_000)).toMatchObject({ verdict: 'failed' });
  });
}
