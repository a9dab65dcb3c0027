/** Which entries: as the address has it. */
export type TrailSearch = {
  run?: string | undefined;
  repo?: string | undefined;
  before?: number | undefined;
};

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, 200) : undefined;

/** What does not fit is left out. */
export const readTrailSearch = ({ run, repo, before }: Record<string, unknown>): TrailSearch => ({
  run: text(run),
  repo: text(repo),
  before: Number.isSafeInteger(Number(before)) && Number(before) > 0 ? Number(before) : undefined,
});
