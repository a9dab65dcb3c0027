import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Files } from '../testing/snapshots.ts';
import { type BaseMemory, memoryOf } from './base-memory.ts';
import { openVerifying, type Verified, type Verifying } from './testing/verifying.ts';

// What a passed tree taught is not learned again when it is the next base; and only then.

let verifying: Verifying;
beforeAll(async () => {
  verifying = await openVerifying('next-base');
});
afterAll(() => verifying?.close());

const suite = (...names: string[]) =>
  `const { test } = require('node:test');\n${names.map((name) => `test('${name}', () => {});\n`).join('')}`;
const BASE: Files = {
  'package.json': JSON.stringify({ name: 'a', scripts: { test: 'node --test' } }),
  'test/a.test.js': suite('one'),
};

/** Verifies one tree against another; which runs that took, and what it said. No change is judged: the runs of the suite alone. */
const against = (known: BaseMemory, before: Files, after: Files, signal?: AbortSignal): Promise<Verified> =>
  verifying.verify(before, after, {
    ...{ memory: known, ticket: null },
    ...(signal === undefined ? {} : { signal }),
  });

/** Verifies each tree against the one before. */
async function chain(...trees: Files[]) {
  const known = memoryOf(null);
  const made: Verified[] = [];
  for (const [index, tree] of trees.slice(1).entries())
    made.push(await against(known, trees[index] ?? {}, tree));
  return { steps: made.map(({ ran }) => ran), reports: made.map(({ report }) => report) };
}

const LEARNS = ['verify', 'verify-canary', 'verify-learn', 'verify-learn-canary', 'verify-plain'];

test('a passed tree is a known base: its new tests must report, and it is not run again', async () => {
  const more = { ...BASE, 'test/b.test.js': suite('two', 'three') };
  const { steps, reports } = await chain(
    BASE,
    more,
    { ...more, 'src.js': '1;\n' },
    { ...BASE, 'src.js': '2;\n' },
  );
  // What adds tests is also run without them, by the base's own.
  const first = [...LEARNS, 'verify-base'].sort();
  expect(steps).toEqual([first, ['verify', 'verify-canary'], ['verify', 'verify-canary']]);
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

const LEARNED = 'a tree %s is learned when it is the base';
test.each<[string, Files, Files]>([
  ['with a test file that carried no canary', OTHERS, { 'own.check.js': suite('elsewhere') }],
])(LEARNED, isLearned);
test.each<[string, Files, Files]>([
  ['whose test command is another', {}, running('node --test test/a.test.js')],
  ['with configuration of its own', {}, { '.npmrc': 'loglevel=warn\n' }],
])(LEARNED, { tags: ['long'] }, isLearned);

async function isLearned(_: string, first: Files, change: Files): Promise<void> {
  const base = { ...BASE, ...first };
  const next = { ...base, ...change };
  const { steps, reports } = await chain(base, next, { ...next, 'src.js': '1;\n' });
  expect(reports).toMatchObject([{ verdict: 'passed' }, { verdict: 'passed' }]);
  expect(steps.at(-1)).toEqual(LEARNS);
}

test('a runner that a test starts is the test’s own business: the tree is known', async () => {
  const next = { ...BASE, 'test/b.test.js': NESTED, 'inner.js': suite('inner') };
  const { steps, reports } = await chain(BASE, next, { ...next, 'src.js': '1;\n' });
  expect(reports).toMatchObject([
    { verdict: 'passed' },
    { verdict: 'passed', names: { base: 3, failing: [] } },
  ]);
  expect(steps.at(-1)).toEqual(['verify', 'verify-canary']);
});

const candidate = (n: number) => ({ ...BASE, 'src.js': `${n};\n` });

test('a base that two need at once is learned once', async () => {
  const known = memoryOf(null);
  const made = await Promise.all([1, 2].map((n) => against(known, BASE, candidate(n))));
  expect(made.map(({ report }) => report.verdict)).toEqual(['passed', 'passed']);
  expect(made.map(({ ran }) => ran).sort((a, b) => a.length - b.length)).toEqual([
    LEARNS.slice(0, 2),
    LEARNS,
  ]);
});

test('where who learns a base is stopped, who waited for it learns it; who waits can be stopped', async () => {
  const known = memoryOf(null);
  const asked = vi.spyOn(known, 'get');
  const [one, other] = [new AbortController(), new AbortController()];
  const first = against(known, BASE, candidate(1), one.signal);
  await expect.poll(() => known.learning.size, { timeout: 120_000 }).toBe(1);
  const second = against(known, BASE, candidate(2), other.signal);
  const third = against(known, BASE, candidate(3));
  await expect.poll(() => asked.mock.calls.length, { timeout: 120_000 }).toBe(3);
  other.abort(new Error('no longer wanted'));
  await expect(second).rejects.toThrow('no longer wanted');
  one.abort(new Error('stopped'));
  await expect(first).rejects.toThrow('stopped');
  expect((await third).ran).toEqual(LEARNS);
});
