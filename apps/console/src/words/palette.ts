/** What can be gone to or begun from anywhere. `words` are looked for beside the name. */
export type Entry = { id: string; kind: string; name: string; words: string; command: string | null };

/** As many as are shown. */
const MOST = 12;

/** Those that have each of the words somewhere, the ones whose name begins with what was typed first; without words, in their order. */
export function matching<E extends Entry>(entries: readonly E[], typed: string): E[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = entries.filter(({ kind, name, words: more }) => {
    const where = `${kind} ${name} ${more}`.toLowerCase();
    return words.every((word) => where.includes(word));
  });
  const whole = words.join(' ');
  const rank = ({ name }: E): number => (whole !== '' && name.toLowerCase().startsWith(whole) ? 0 : 1);
  return fits.toSorted((a, b) => rank(a) - rank(b)).slice(0, MOST);
}
