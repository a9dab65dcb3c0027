import { count } from '@millwright/api';

export { ago, count, duration, short } from '@millwright/api';

/** US dollars: below one, four digits, since a stage costs fractions of a cent. */
export const money = (usd: number): string => `$${usd.toFixed(usd < 1 && usd > 0 ? 4 : 2)}`;

/** Local time to the second, as ISO 8601 writes it but for its letter: `2026-11-21 14:03:59`. */
export function exactly(at: number): string {
  const local = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replace('T', ' ');
}

/** `1 gate`, `2 gates`. */
export const some = (n: number, one: string, more = `${one}s`): string =>
  `${count(n)} ${n === 1 ? one : more}`;

/** A state in words: `rolled back`. */
export const wordsOf = (state: string): string => state.replaceAll('_', ' ');
