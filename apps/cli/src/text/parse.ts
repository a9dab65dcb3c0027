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
