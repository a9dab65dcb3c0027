export { ago, count, duration, short } from '@millwright/api';

/** US dollars: `$0.0031` below one cent matters with agents, `$12.40` above a dollar. Nothing spent is nothing shown. */
export function money(usd: number): string {
  if (usd === 0) return '';
  return usd < 1 ? `$${usd.toFixed(4)}` : `$${usd.toFixed(2)}`;
}

/** Local time, as ISO 8601 writes it. */
const local = (at: number): string => new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString();

/** The local day of an instant: `2026-11-21`. */
export const date = (at: number): string => local(at).slice(0, 10);

/** The local time of day of an instant: `14:03:59`. */
export const timeOfDay = (at: number): string => local(at).slice(11, 19);

/** Local time of an instant: `14:03:59` today, `2026-11-21 14:03` else. */
export const clock = (at: number, now: number): string =>
  date(at) === date(now) ? timeOfDay(at) : local(at).slice(0, 16).replace('T', ' ');
