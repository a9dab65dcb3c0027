/** How a process that died is brought back: at once, then later and later; given up when it dies too often. */
const RESTARTS = { delaysMs: [100, 250, 500, 1_000, 2_000], perMinute: 5 } as const;

/** `MILLWRIGHT_RESTARTS_PER_MINUTE`: deaths in a minute that a process is brought back from, 1 to 100; else 5. */
export function restartsPerMinute(env: Record<string, string | undefined>): number {
  const given = Number(env.MILLWRIGHT_RESTARTS_PER_MINUTE);
  return Number.isInteger(given) && given >= 1 && given <= 100 ? given : RESTARTS.perMinute;
}

/**
 * The delay before the next start after `deaths` (instants, milliseconds), or null when it has died too often in the last minute: the delays are
 * spread over the deaths that are forgiven. Pure.
 */
export function nextDelay(
  deaths: readonly number[],
  now: number,
  perMinute: number = RESTARTS.perMinute,
): number | null {
  const recent = deaths.filter((at) => now - at < 60_000).length;
  if (recent > perMinute) return null;
  const { delaysMs } = RESTARTS;
  return delaysMs[Math.ceil((Math.max(recent, 1) / perMinute) * delaysMs.length) - 1] ?? 0;
}
