import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GitSha } from '@millwright/domain';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleOf, type Files } from '../fixture/snapshots.ts';
import { openSandboxes, type Sandboxes } from '../sandbox/index.ts';
import { memoryOf } from './memory.ts';
import type { Prepared } from './suite.ts';
import { verify } from './verify.ts';

// What a passed tree taught is not learned again when it is the next base; and only then.

let data: string;
let sandboxes: Sandboxes;
beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'millwright-next-base-'));
  sandboxes = await openSandboxes({
    ...{ data, factory: `test-${process.pid}-next`, incarnation: `next-base-${process.pid}` },
    image: process.env.MILLWRIGHT_SANDBOX_IMAGE ?? 'millwright/sandbox:latest',
  });
});
afterAll(async () => {
  await sandboxes?.close();
  rmSync(data, { recursive: true, force: true });
});

const suite = (...names: string[]) =>
  `const { test } = require('node:test');\n${names.map((name) => `test('${name}', () => {});\n`).join('')}`;
const BASE: Files = {
  'package.json': JSON.stringify({ name: 'a', scripts: { test: 'node --test' } }),
  'test/a.test.js': suite('one'),
};

/** Verifies each tree against the one before; which runs that took, and what the last said. */
async function chain(...trees: Files[]) {
  const { bundle, trees: ids } = bundleOf(...trees);
  const memory = memoryOf(null);
  const on = async (tree: GitSha): Promise<Prepared> => {
    const out = await sandboxes.checkout(bundle, tree);
    if (out.kind === 'refused') throw new Error(out.reason);
    return { checkout: out.checkout, layer: null, root: '/workspace' };
  };
  const steps: string[][] = [];
  const reports: Awaited<ReturnType<typeof verify>>[] = [];
  for (let at = 1; at < ids.length; at += 1) {
    const [before, tree] = [ids[at - 1], ids[at]];
    if (before === undefined || tree === undefined) throw new Error('no trees');
    const ran: string[] = [];
    const where = { sandboxes, run: 'run_1', attempt: 'att_1', ran: (purpose: string) => ran.push(purpose) };
    const paths = Object.keys(trees[at] ?? {});
    reports.push(
      await verify(where, memory, {
        config: { installScripts: false, services: [], protected: [], autonomy: 7 },
        ...{ tree, base: await on(before), candidate: await on(tree), acceptance: null, timeoutMs: 60_000 },
        changed: paths.map((path) => ({ path, status: 'added', added: 1, removed: 0 })),
      }),
    );
    steps.push(ran.sort());
  }
  return { steps, reports };
}

const LEARNS = ['verify', 'verify-canary', 'verify-learn', 'verify-learn-canary'];

test('a passed tree is a known base: its new tests must report, and it is not run again', async () => {
  const more = { ...BASE, 'test/b.test.js': suite('two', 'three') };
  const { steps, reports } = await chain(
    BASE,
    more,
    { ...more, 'src.js': '1;\n' },
    { ...BASE, 'src.js': '2;\n' },
  );
  expect(steps).toEqual([LEARNS, ['verify', 'verify-canary'], ['verify', 'verify-canary']]);
  expect(reports).toMatchObject([
    { verdict: 'passed', names: { base: 1, reported: 3 } },
    { verdict: 'passed', names: { base: 3, reported: 3 } },
    { verdict: 'invalid', names: { base: 3, reported: 1, missing: ['two', 'three'] } },
  ]);
});

const running = (command: string): Files => ({
  'package.json': JSON.stringify({ scripts: { test: command } }),
});
const OTHERS = running('node --test test/*.js *.check.js');
const NESTED = `${suite('two')}const env = { ...process.env };
delete env.NODE_TEST_CONTEXT;
test('nested', () => require('node:child_process').execFileSync('node', ['--test', 'inner.js'], { env }));
`;

test.each<[string, Files, Files]>([
  ['whose test command is another', {}, running('node --test test/a.test.js')],
  ['with configuration of its own', {}, { '.npmrc': 'loglevel=warn\n' }],
  ['with a test file that carried no canary', OTHERS, { 'own.check.js': suite('elsewhere') }],
  ['that starts another runner', {}, { 'test/b.test.js': NESTED, 'inner.js': suite('inner') }],
])('a tree %s is learned when it is the base', async (_, first, change) => {
  const base = { ...BASE, ...first };
  const next = { ...base, ...change };
  const { steps, reports } = await chain(base, next, { ...next, 'src.js': '1;\n' });
  expect(reports).toMatchObject([{ verdict: 'passed' }, { verdict: 'passed' }]);
  expect(steps.at(-1)).toEqual(LEARNS);
});
