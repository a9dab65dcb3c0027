import type { FreezeWindow, Instant } from '@millwright/domain';
import { Cron } from 'croner';

const DAY_MS = 86_400_000;
/** A longer one is a mistake, or a freeze that a person says. */
const MOST_MS = 31 * DAY_MS;

type Open = { until: Instant; reason: string };

/** The window that a time is in, the one that ends last; null: it is in none. A window begins at its `from`, and ends with the first `until` after it. */
export function windowAt(windows: readonly FreezeWindow[], now: Instant): Open | null {
  const open = windows.flatMap((window): Open[] => {
    const [from, until] = cronsOf(window);
    const begun = lastBefore(from, now);
    const ended = lastBefore(until, now);
    if (begun === null || (ended !== null && ended >= begun)) return [];
    const end = until.nextRun(new Date(now))?.getTime();
    return end === undefined ? [] : [{ until: end, reason: window.reason }];
  });
  return open.reduce<Open | null>(
    (last, one) => (last === null || one.until > last.until ? one : last),
    null,
  );
}

/** Why a window cannot be kept, as seen at a time; null where it can: both times come, and it ends. */
export function whyNoWindow(window: FreezeWindow, now: Instant): string | null {
  let crons: readonly [Cron, Cron];
  try {
    crons = cronsOf(window);
    for (const one of crons) one.nextRun(new Date(now));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const [from, until] = crons;
  const begins = from.nextRun(new Date(now));
  if (begins === null) return `it never begins: "${window.from}" does not come`;
  const ends = until.nextRun(begins);
  if (ends === null) return `it never ends: "${window.until}" does not come`;
  const days = Math.ceil((ends.getTime() - begins.getTime()) / DAY_MS);
  return ends.getTime() - begins.getTime() > MOST_MS ? `it is ${days} days long; 31 at most` : null;
}

const cronsOf = ({ from, until, timezone }: FreezeWindow) =>
  [new Cron(from, { timezone }), new Cron(until, { timezone })] as const;

/** At or before. Times are whole seconds, and what is asked for is cut to one. */
const lastBefore = (cron: Cron, now: Instant): Instant | null =>
  cron
    .previousRuns(2, new Date(now + 1_000))
    .map((one) => one.getTime())
    .find((one) => one <= now) ?? null;
