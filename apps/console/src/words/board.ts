import type { RunView } from '@millwright/api';

export const COLUMNS = [
  'waits',
  'plan',
  'implement',
  'test',
  'review',
  'release',
  'shipped',
  'ended otherwise',
] as const;
export type Column = (typeof COLUMNS)[number];
/** Of what is over, as many are on the board. */
const ENDED = 20;

const OF_STAGE = {
  plan: 'plan',
  implement: 'implement',
  test: 'test',
  review: 'review',
  deploy: 'release',
} as const;

/** Where a run is: what is furthest on of what runs, or was last begun. */
export function columnOf({
  state,
  stages,
  delivered,
}: Pick<RunView, 'state' | 'stages' | 'delivered'>): Column {
  if (state === 'done') return 'shipped';
  if (state === 'waiting' || state === 'halted') return 'waits';
  if (state !== 'running') return 'ended otherwise';
  if (delivered !== null) return 'release';
  const now = stages.findLast((stage) => stage.state === 'running') ?? stages.at(-1);
  return now === undefined ? 'plan' : OF_STAGE[now.kind];
}

/** The newest first in each column. */
export function boardOf<R extends Pick<RunView, 'state' | 'stages' | 'delivered'>>(
  newestFirst: readonly R[],
): { column: Column; runs: R[]; more: number }[] {
  return COLUMNS.map((column) => {
    const all = newestFirst.filter((run) => columnOf(run) === column);
    const most = column === 'shipped' || column === 'ended otherwise' ? ENDED : all.length;
    return { column, runs: all.slice(0, most), more: Math.max(0, all.length - most) };
  });
}
