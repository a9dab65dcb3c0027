import { expect, test } from 'vitest';
import type { BaseFacts } from '../verify/judge.ts';
import { saidOf } from './suite-facts.ts';

const facts = (over: Partial<BaseFacts> = {}): BaseFacts => ({
  ...{
    runner: 'node',
    followed: 'proven',
    fellBack: null,
    unfit: null,
    plainExit: 0,
    exitCode: 0,
    passed: null,
    ms: 8_240,
  },
  ...{ sessions: 1, outcomes: [], files: {}, carriers: {}, canFail: null },
  ...over,
});
const failing = (name: string) =>
  ({ name, title: name, file: 'a.test.js', state: 'fail', kind: 'test' }) as const;

test.each<[string, Partial<BaseFacts>, string]>([
  ['passes', {}, 'passes, 8.2 s'],
  [
    'fails, by name',
    {
      exitCode: 1,
      outcomes: [failing('adds'), { ...failing('takes'), state: 'pass' }] as BaseFacts['outcomes'],
    },
    'fails with exit code 1, 8.2 s. failing there, not yours: adds',
  ],
  [
    'fails a lot',
    {
      exitCode: 1,
      outcomes: Array.from({ length: 12 }, (_, n) => failing(`t${n}`)) as BaseFacts['outcomes'],
    },
    'fails with exit code 1, 8.2 s. failing there, not yours: t0; t1; t2; t3; t4; t5; t6; t7; t8; t9; and 2 more',
  ],
  [
    'fails, without names',
    { exitCode: 2, followed: 'by_exit_code', unfit: 'It wants Node 18.' },
    'fails with exit code 2, 8.2 s. judged by exit code alone. It wants Node 18.',
  ],
  [
    'fails in a step',
    { exitCode: 2, followed: 'by_exit_code', passed: 1 },
    'fails with exit code 2, 8.2 s. `ava` failed; before it `xo` passed; `tsd` was not run. judged by exit code alone',
  ],
  ['never ends', { exitCode: null }, 'did not end in time, 8.2 s'],
])('a base whose suite %s', (_, over, said) => {
  expect(saidOf(facts(over), ['xo', 'ava', 'tsd'])).toBe(said);
});
