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

/** Which runs: as the address has it. */
export type RunsSearch = {
  state?: RunView['state'] | undefined;
  repo?: string | undefined;
  words?: string | undefined;
  view?: 'board' | undefined;
};

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, 200) : undefined;

/** An address is written by anybody: what does not fit is left out. */
export const readRunsSearch = (search: Record<string, unknown>): RunsSearch => ({
  state: RUN_STATES.find((one) => one === search.state),
  repo: text(search.repo),
  words: text(search.words),
  view: search.view === 'board' ? 'board' : undefined,
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
