/** The name at the least edit distance, where that is at most a third of its length; null where none is so near. */
export function nearestName(name: string, names: Iterable<string>): string | null {
  let best: { name: string; distance: number } | null = null;
  for (const other of names) {
    const distance = editDistance(name.toLowerCase(), other.toLowerCase());
    if (best === null || distance < best.distance) best = { name: other, distance };
  }
  return best !== null && best.distance <= Math.max(2, best.name.length / 3) ? best.name : null;
}

/** Levenshtein's. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
