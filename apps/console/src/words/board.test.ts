import type { RunView } from '@millwright/api';
import { expect, test } from 'vitest';
import { board, columnOf } from './board.ts';
import { RUN_SORTS, sorted } from './runs-filter.ts';

const run = (more: object) =>
  ({
    id: 'r',
    state: 'running',
    endedAt: null,
    startedAt: 0,
    stages: [],
    canary: null,
    delivered: null,
    usage: { usd: 0 },
    ...more,
  }) as unknown as RunView;
const stages = (...of: [string, string][]) => of.map(([kind, state]) => ({ kind, state }));

test('a run lies where its work is, one that waits with people, one that has ended at the end', () => {
  expect(columnOf(run({}))).toBe('plan');
  expect(
    columnOf(run({ stages: stages(['plan', 'done'], ['implement', 'running'], ['test', 'running']) })),
  ).toBe('review');
  expect(columnOf(run({ stages: stages(['implement', 'running'], ['review', 'done']) }))).toBe('implement');
  expect(columnOf(run({ stages: stages(['plan', 'done'], ['implement', 'done']) }))).toBe('implement');
  expect(columnOf(run({ delivered: {}, stages: stages(['review', 'done']) }))).toBe('release');
  expect(columnOf(run({ state: 'halted', delivered: {} }))).toBe('waits');
  expect(columnOf(run({ state: 'waiting', endedAt: 3 }))).toBe('otherwise');
  expect(columnOf(run({ state: 'done', endedAt: 3 }))).toBe('shipped');
});

test('a board loses no run, and keeps their order', () => {
  const runs = Array.from({ length: 20 }, (_, n) => run({ id: `r${n}`, endedAt: n % 3 === 0 ? 1 : null }));
  const columns = board(runs);
  expect(Object.values(columns).flat().length).toBe(20);
  expect(columns.otherwise.map(({ id }) => id)).toEqual(
    runs.filter(({ endedAt }) => endedAt !== null).map(({ id }) => id),
  );
});

test('each order is one of the same runs', () => {
  const runs = [
    run({ id: 'a', startedAt: 5, endedAt: 6, usage: { usd: 3 } }),
    run({ id: 'b', startedAt: 1, endedAt: 9, usage: { usd: 1 } }),
  ];
  const ids = (sort: (typeof RUN_SORTS)[number]) => sorted(runs, sort, 10).map(({ id }) => id);
  expect(RUN_SORTS.map(ids)).toEqual([
    ['a', 'b'],
    ['b', 'a'],
    ['a', 'b'],
    ['b', 'a'],
  ]);
});
