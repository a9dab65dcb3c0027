import { usage } from '../fail.ts';

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `10m`, `2h`, `1d`; in milliseconds. A usage failure names the option. */
export function parseDuration(text: string, option: string): number {
  const found = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  const unit = UNITS[found?.[2] ?? ''];
  if (found?.[1] === undefined || unit === undefined)
    throw usage(`${option} takes a number and ms, s, m, h or d, such as 90s; it was given "${text}"`);
  return Number(found[1]) * unit;
}

/** A whole number between bounds. */
export function parseWhole(text: string, option: string, min: number, max: number): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < min || Number(text) > max)
    throw usage(`${option} takes a whole number from ${min} to ${max}; it was given "${text}"`);
  return Number(text);
}

/** A time as people write it, in local time without a zone: `2026-11-21`, `2026-11-21T14:30`, an RFC 3339 time, or `2h` for that long ago. Milliseconds. */
export function parseInstant(text: string, option: string, now: number): number {
  if (/^\d+(ms|s|m|h|d)$/.test(text)) return Math.max(0, now - parseDuration(text, option));
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00` : text;
  const at = /^\d{4}-\d{2}-\d{2}[T ]/.test(day) ? Date.parse(day.replace(' ', 'T')) : Number.NaN;
  if (Number.isNaN(at) || at < 0)
    throw usage(
      `${option} takes a time, such as 2026-11-21T14:30, or 2h for two hours ago; it was given "${text}"`,
    );
  return at;
}
