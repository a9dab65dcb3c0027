export const RUN_TABS = ['overview', 'diff', 'tests', 'log', 'replay', 'cost', 'why'] as const;
export type RunTab = (typeof RUN_TABS)[number];

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && /^[\w-]{1,64}$/.test(value) ? value : undefined;
const whole = (value: unknown): number | undefined =>
  Number.isSafeInteger(Number(value)) && Number(value) > 0 ? Number(value) : undefined;

/** What of a run an address asks for: the part, and of a replay the attempt and the turn. */
export type RunSearch = { tab?: RunTab | undefined; attempt?: string | undefined; turn?: number | undefined };

/** The overview where it says nothing, or what there is not. */
export const readRunSearch = (search: Record<string, unknown>): RunSearch => ({
  attempt: text(search.attempt),
  turn: whole(search.turn),
  tab: RUN_TABS.find((one) => one !== 'overview' && one === search.tab),
});
