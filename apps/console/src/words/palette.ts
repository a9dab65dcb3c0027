/** Something that can be gone to or done, by its words. `command`: the same on the command line. */
export type Item<Does> = {
  id: string;
  group: string;
  text: string;
  hint: string;
  command: string | null;
  does: Does;
};

/** As many as are listed at once: who sees more types another letter. */
const MOST = 60;

/** How well a text fits: every word somewhere in it; the better, the earlier, and best where words of it begin. Null where it does not. */
function rank(text: string, words: readonly string[]): number | null {
  let sum = 0;
  for (const word of words) {
    const at = text.indexOf(word);
    if (at < 0) return null;
    const begins = at === 0 || /[\s/:,.–-]/.test(text[at - 1] ?? '');
    sum += at + (begins ? 0 : 100);
  }
  return sum;
}

/** What fits the words, the best first; in the order given where nothing was typed. */
export function fitting<Does>(items: readonly Item<Does>[], typed: string): Item<Does>[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return items.slice(0, MOST);
  return items
    .flatMap((item) => {
      const n = rank(`${item.text} ${item.hint} ${item.group}`.toLowerCase(), words);
      return n === null ? [] : [{ item, n }];
    })
    .sort((a, b) => a.n - b.n)
    .slice(0, MOST)
    .map(({ item }) => item);
}

const KINDS = [
  [/^run_[\w-]+$/i, '/runs/'],
  [/^gate_[\w-]+$/i, '/gates/'],
  [/^rel_[\w-]+$/i, '/releases/'],
  [/^tkt_[\w-]+$/i, '/tickets/'],
] as const;

/** The page of what an id names, also of one that is in no list that was loaded; null where it names nothing. */
export function placeOf(typed: string): string | null {
  const id = typed.trim();
  const found = KINDS.find(([form]) => form.test(id));
  return found === undefined ? null : found[1] + id;
}
