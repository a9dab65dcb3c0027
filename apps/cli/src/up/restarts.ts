/** How a process that died is brought back: at once, then later and later; given up when it dies too often. */
export const RESTARTS = { delaysMs: [100, 250, 500, 1_000, 2_000], perMinute: 5 } as const;

/** `MILLWRIGHT_RESTARTS_PER_MINUTE`: deaths in a minute that a process is brought back from, 1 to 100; else 5. */
export function restartsPerMinute(env: Record<string, string | undefined>): number {
  const given = Number(env.MILLWRIGHT_RESTARTS_PER_MINUTE);
  return Number.isInteger(given) && given >= 1 && given <= 100 ? given : RESTARTS.perMinute;
}

/** The delay before the next start after `deaths` (instants, milliseconds), or null when it has died too often in the last minute. Pure. */
export function nextDelay(
  deaths: readonly number[],
  now: number,
  perMinute: number = RESTARTS.perMinute,
): number | null {
  const recent = deaths.filter((at) => now - at < 60_000).length;
  if (recent > perMinute) return null;
  return RESTARTS.delaysMs[Math.min(Math.max(recent, 1), RESTARTS.delaysMs.length) - 1] ?? 0;
}
