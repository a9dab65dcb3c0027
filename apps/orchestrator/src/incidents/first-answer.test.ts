import type { ReleaseId } from '@millwright/domain';
import { expect, test } from 'vitest';
import { firstAnswer, type Situation } from './first-answer.ts';

const [live, before, later] = ['rel_livelive', 'rel_beforebe', 'rel_laterlat'] as ReleaseId[] as [
  ReleaseId,
  ReleaseId,
  ReleaseId,
];
const MIN = 60_000;
const young: Situation = {
  startedAt: 100 * MIN,
  now: 101 * MIN,
  live: { release: live, since: 95 * MIN, by: 'deploy' },
  atFiling: live,
  back: { kind: 'to', release: before },
  youngMs: 60 * MIN,
};
const since = (minute: number, by: 'deploy' | 'rollback' = 'deploy') => ({
  live: { release: live, since: minute * MIN, by },
});

test.each<[string, Partial<Situation>, string]>([
  ['young, and there is a release to go back to', {}, 'roll_back'],
  ['it began in the same moment', since(100), 'roll_back'],
  ['it began a little before, as far as the alert can tell', since(100.9), 'roll_back'],
  ['it began well before', since(102), 'it began before'],
  ['old', since(30), 'had served for 70 min'],
  ['young when it began, told late', { now: 300 * MIN }, 'roll_back'],
  ['never, by its file', { youngMs: 0 }, 'not the first suspect'],
  ['a clock ahead of ours', { startedAt: 500 * MIN }, 'roll_back'],
  ['already gone back', since(95, 'rollback'), 'came back by a rollback'],
  ['another one serves since', { atFiling: later }, 'serves since'],
  ['nothing serves', { live: null, atFiling: null }, 'nothing serves'],
  [
    'nothing before it',
    { back: { kind: 'none', reason: 'shop has had no release before' } },
    'no release before',
  ],
])('%s', (_name, more, expected) => {
  const answer = firstAnswer({ ...young, ...more });
  expect(answer.kind === 'leave' ? answer.reason : answer.kind).toContain(expected);
});
