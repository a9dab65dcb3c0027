/** Something found in a text: where, and what makes it the same thing in another text. */
export type Found = { at: number; key: string };

/** What stands around a difference may be part of what it changes. In UTF-16 units. */
const AROUND = 4_096;

function commonBeginning(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

function commonEnd(a: string, b: string, beginning: number): number {
  const most = Math.min(a.length, b.length) - beginning;
  let length = 0;
  while (length < most && a.charCodeAt(a.length - 1 - length) === b.charCodeAt(b.length - 1 - length))
    length++;
  return length;
}

/** Of two texts, the stretches outside of which they are the same, with something around. */
export function stretches(before: string, after: string) {
  const beginning = commonBeginning(before, after);
  const end = commonEnd(before, after, beginning);
  const from = Math.max(0, beginning - AROUND);
  const cut = (text: string) => text.slice(from, Math.min(text.length, text.length - end + AROUND));
  return { from, before: cut(before), after: cut(after) };
}

/**
 * What `find` finds in `after` more often than in `before`, at its place in `after`. A thing that only moved is not new, and whatever a change
 * does to make a thing what it is (its own text, or that of a line beside it) makes it new.
 */
export function newIn<F extends Found>(
  before: string,
  after: string,
  find: (text: string) => Iterable<F>,
): F[] {
  if (before === after) return [];
  const near = stretches(before, after);
  const there = new Map<string, number>();
  for (const { key } of find(near.before)) there.set(key, (there.get(key) ?? 0) + 1);
  const fresh: F[] = [];
  for (const one of find(near.after)) {
    const left = there.get(one.key) ?? 0;
    if (left > 0) there.set(one.key, left - 1);
    else fresh.push({ ...one, at: one.at + near.from });
  }
  return fresh;
}

/** Which line (from 1) holds the character at an index. By halving, since a text has as many lines as an agent likes. */
export function lineFinder(text: string): (at: number) => number {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (at) => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= at) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
