import type { RunView } from '@millwright/api';

export const COLUMNS = ['waits', 'plan', 'implement', 'review', 'release', 'shipped', 'otherwise'] as const;
export type Column = (typeof COLUMNS)[number];

export const COLUMN_NAMES: Record<Column, string> = {
  waits: 'Waits for a person',
  plan: 'Plan',
  implement: 'Implement',
  review: 'Test and review',
  release: 'Merge and release',
  shipped: 'Shipped',
  otherwise: 'Ended otherwise',
};

const OF_STAGE = {
  plan: 'plan',
  implement: 'implement',
  review: 'review',
  test: 'review',
  deploy: 'release',
} as const satisfies Record<RunView['stages'][number]['kind'], Column>;

/** Where on the board a run lies: by the stage that is furthest on of those at work, or of those that were. */
export function columnOf({ state, endedAt, stages, canary, delivered }: RunView): Column {
  if (endedAt !== null) return state === 'done' ? 'shipped' : 'otherwise';
  if (state === 'waiting' || state === 'halted') return 'waits';
  if (delivered !== null || canary !== null) return 'release';
  const busy = stages.filter((one) => one.state === 'running');
  const columns = (busy.length > 0 ? busy : stages).map(({ kind }) => OF_STAGE[kind]);
  return COLUMNS.findLast((one) => columns.some((each) => each === one)) ?? 'plan';
}

/** Every run in its column, in the order in which they were given. */
export function board(runs: readonly RunView[]): Record<Column, RunView[]> {
  const columns: Record<Column, RunView[]> = {
    waits: [],
    plan: [],
    implement: [],
    review: [],
    release: [],
    shipped: [],
    otherwise: [],
  };
  for (const run of runs) columns[columnOf(run)].push(run);
  return columns;
}
