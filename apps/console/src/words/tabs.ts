export const RUN_TABS = ['overview', 'diff', 'tests', 'log', 'cost', 'why'] as const;
export type RunTab = (typeof RUN_TABS)[number];

/** What of a run an address asks for; the overview where it says nothing, or what there is not. */
export const readRunSearch = (search: Record<string, unknown>): { tab?: RunTab | undefined } => ({
  tab: RUN_TABS.find((one) => one !== 'overview' && one === search.tab),
});
