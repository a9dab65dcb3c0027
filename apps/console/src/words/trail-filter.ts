/** Which entries: as the address has it. */
export type TrailSearch = {
  run?: string | undefined;
  repo?: string | undefined;
  /** As the API has them, commas between: `agent,Ann`, `gate,merge.finished`. */
  actor?: string | undefined;
  type?: string | undefined;
  before?: number | undefined;
};

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, 200) : undefined;

/** What does not fit is left out. */
export const readTrailSearch = ({
  run,
  repo,
  actor,
  type,
  before,
}: Record<string, unknown>): TrailSearch => ({
  run: text(run),
  repo: text(repo),
  actor: text(actor),
  type: text(type),
  before: Number.isSafeInteger(Number(before)) && Number(before) > 0 ? Number(before) : undefined,
});
