import type { RunView } from '@millwright/api';

export const RUN_STATES = [
  'running',
  'waiting',
  'halted',
  'done',
  'failed',
  'cancelled',
  'rolled_back',
  'denied',
] as const satisfies RunView['state'][];

export const RUN_SORTS = ['newest', 'oldest', 'dearest', 'longest'] as const;
export type RunSort = (typeof RUN_SORTS)[number];

/** Which runs, in which order, as a list or a board: as the address has it. */
export type RunsSearch = {
  view?: 'board' | undefined;
  sort?: RunSort | undefined;
  state?: RunView['state'] | undefined;
  repo?: string | undefined;
  words?: string | undefined;
};

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, 200) : undefined;

/** An address is written by anybody: what does not fit is left out. */
export const readRunsSearch = (search: Record<string, unknown>): RunsSearch => ({
  view: search.view === 'board' ? 'board' : undefined,
  sort: RUN_SORTS.find((one) => one !== 'newest' && one === search.sort),
  state: RUN_STATES.find((one) => one === search.state),
  repo: text(search.repo),
  words: text(search.words),
});

/** Whether it is in this state and has each of the words somewhere in its title, id or reason. The repository is asked for where the list is made. */
export function fits(run: RunView, { state, words = '' }: RunsSearch): boolean {
  if (state !== undefined && run.state !== state) return false;
  const where = `${run.title} ${run.id} ${run.repo} ${run.reason ?? ''}`.toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => where.includes(word));
}

/** In another order; those given are the newest first. */
export function sorted(runs: readonly RunView[], sort: RunSort, now: number): readonly RunView[] {
  const took = (run: RunView) => (run.endedAt ?? now) - run.startedAt;
  switch (sort) {
    case 'newest':
      return runs;
    case 'oldest':
      return runs.toReversed();
    case 'dearest':
      return runs.toSorted((a, b) => b.usage.usd - a.usage.usd);
    case 'longest':
      return runs.toSorted((a, b) => took(b) - took(a));
  }
}
