import type { RunView } from '@millwright/api';
import { expect, test } from 'vitest';
import { boardOf, COLUMNS, columnOf } from './board.ts';

type Of = Pick<RunView, 'state' | 'stages' | 'delivered'>;
const stage = (kind: RunView['stages'][number]['kind'], state: RunView['stages'][number]['state']) =>
  ({ kind, state }) as RunView['stages'][number];
const run = (
  state: RunView['state'],
  stages: RunView['stages'] = [],
  delivered: Of['delivered'] = null,
): Of => ({
  ...{ state, stages, delivered },
});

test.each<[Of, string]>([
  [run('running'), 'plan'],
  [run('running', [stage('plan', 'done')]), 'plan'],
  [run('running', [stage('implement', 'running'), stage('test', 'running')]), 'test'],
  [run('running', [stage('test', 'running'), stage('review', 'done')]), 'test'],
  [run('running', [stage('review', 'done')], { kind: 'merge' } as never), 'release'],
  [run('waiting', [stage('plan', 'running')]), 'waits'],
  [run('halted'), 'waits'],
  [run('done'), 'shipped'],
  [run('rolled_back'), 'ended otherwise'],
  [run('denied'), 'ended otherwise'],
])('a run is in one column (%#): %s', (of, column) => expect(columnOf(of)).toBe(column));

test('every run is on the board once, or counted where many are over', () => {
  const runs = [...Array.from({ length: 50 }, () => run('done')), run('running'), run('failed')];
  const board = boardOf(runs);
  expect(board.map(({ column }) => column)).toEqual([...COLUMNS]);
  expect(board.find(({ column }) => column === 'shipped')).toMatchObject({ more: 30 });
  expect(board.reduce((sum, one) => sum + one.runs.length + one.more, 0)).toBe(runs.length);
});
