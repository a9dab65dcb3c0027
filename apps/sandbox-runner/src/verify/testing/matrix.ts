import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChangedPath, type GitSha, RepoName } from '@millwright/domain';
import { openSandboxes, type Sandboxes } from '@millwright/sandbox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CHEATS, type Cheat, HONEST } from '../../fixture/cheats.ts';
import { baseOf, FORMS, type Form } from '../../fixture/runners.ts';
import { bundleOf, type Files } from '../../fixture/snapshots.ts';
import { createPrepare, type Prepare } from '../../prepare/index.ts';
import { memoryOf } from '../memory.ts';
import type { Prepared } from '../suite.ts';
import { verify } from '../verify.ts';

// What passes and what must never pass, under one test runner. A file a runner calls it, so that they share the test's workers.

let data: string;
let sandboxes: Sandboxes;
let prepare: Prepare;

const where = () => ({ sandboxes, run: 'run_verify00', attempt: 'att_verify00' });
const RepoConfig = { installScripts: false, services: [], protected: [], autonomy: 7 };

/** One installation a runner: no case changes what is installed, so the candidate stands on the base's layer. */
async function prepared(
  bundle: Uint8Array,
  tree: GitSha,
  layer: Prepared['layer'] | undefined,
): Promise<Prepared> {
  const out = await sandboxes.checkout(bundle, tree);
  if (out.kind === 'refused') throw new Error(out.reason);
  const { checkout } = out;
  if (layer !== undefined) return { checkout, layer, root: '/workspace' };
  const made = await prepare.layer({
    ...{ repo: RepoName.parse('sum'), run: 'run_verify00', attempt: 'att_verify00', checkout },
    config: { ...RepoConfig, install: 'npm install --no-audit --no-fund --no-package-lock' },
  });
  if (made.kind === 'failed') throw new Error(`${made.reason}\n${made.output}`);
  return { checkout, layer: made.kind === 'layer' ? made.layer : null, root: '/workspace' };
}

function changedBy(base: Files, next: Files): ChangedPath[] {
  return [...new Set([...Object.keys(base), ...Object.keys(next)])]
    .filter((path) => base[path] !== next[path])
    .map((path) => ({
      ...{ path, added: 1, removed: 1 },
      status: path in base ? (path in next ? 'modified' : 'deleted') : 'added',
    }));
}

// MILLWRIGHT_MATRIX=every tries each under all.
const every = process.env.MILLWRIGHT_MATRIX === 'every';
const cheatsFor = (form: Form) => {
  const nth = FORMS.indexOf(form);
  return CHEATS.filter((_, index) => every || nth === 0 || index % (FORMS.length - 1) === nth - 1);
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
    data = mkdtempSync(join(tmpdir(), 'millwright-verify-'));
    sandboxes = await openSandboxes({
      ...{ data, factory: `test-${process.pid}`, incarnation: `verify-${process.pid}` },
      image: process.env.MILLWRIGHT_SANDBOX_IMAGE ?? 'millwright/sandbox:latest',
    });
    prepare = createPrepare(sandboxes);
  });
  afterAll(async () => {
    await sandboxes?.close();
    rmSync(data, { recursive: true, force: true });
  });

  const memory = memoryOf(null);
  const base = baseOf(form);

  async function report(change: Cheat['change'], timeoutMs = 60_000) {
    const next: Files = {};
    for (const [path, content] of Object.entries({ ...base, ...change(form) }))
      if (content !== null) next[path] = content;
    const { bundle, trees } = bundleOf(base, next);
    const [baseTree, tree] = trees;
    if (baseTree === undefined || tree === undefined) throw new Error('no trees');
    const on = await prepared(bundle, baseTree, undefined);
    return verify(where(), memory, {
      ...{ config: RepoConfig, tree, changed: changedBy(base, next), acceptance: null, timeoutMs },
      ...{ base: on, candidate: await prepared(bundle, tree, on.layer) },
    });
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
