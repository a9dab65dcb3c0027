import { createHash } from 'node:crypto';
import { type PatchFile, parsePatch } from './patch.ts';

// How much a change is another one, whatever it looks like. Pure. For what was rolled back: the same without white space is the same, and
// what has most of it is looked at by a person.

/** The share of what a change adds that another one must have to be near it. */
const NEAR = 0.6;
/** With fewer words than this, words alone say nothing: a line must be the same. */
const FEW_WORDS = 4;
const MOST_WORDS = 20_000;

/**
 * A digest of what a change adds and removes, without white space and empty lines; null where there is nothing to compare, or some of it
 * is not text.
 */
export function shapeOf(patch: string): string | null {
  const files = parsePatch(patch);
  if (files.some((file) => file.binary)) return null;
  const lines = files.flatMap((file) =>
    file.hunks.flat().flatMap(({ kind, text }) => {
      const bare = text.replace(/\s+/gu, '');
      return kind === 'context' || bare === '' ? [] : [JSON.stringify([file.path, kind, bare])];
    }),
  );
  return lines.length === 0 ? null : createHash('sha256').update(lines.sort().join('\n')).digest('hex');
}

/** Whether `patch` has most of what `bad` adds (or removes, where it adds nothing), in its files or, line by line, in others. */
export function isNear(bad: string, patch: string): boolean {
  const [before, now] = [parsePatch(bad), parsePatch(patch)];
  const kind = before.some((file) => textsOf(file, 'added').some(isWord)) ? 'added' : 'removed';
  const there = new Set(now.flatMap((file) => textsOf(file, kind)).map(normal));
  const lines = before.flatMap((file) => textsOf(file, kind).filter(isWord));
  // What is all comment, or a heading, is only like the same one; and other comments do not hide what the rest is.
  for (const some of [lines, lines.filter((line) => uncommented(line) !== '')])
    if (some.length > 0 && share(some, (line) => there.has(normal(line))) >= NEAR) return true;

  const paths = new Set(now.map(({ path }) => path));
  if (!before.some(({ path }) => paths.has(path))) return false;
  const words = newWords(before, kind);
  if (words.length < FEW_WORDS) return false;
  const left = counted(newWords(now, kind));
  return (
    share(words, (word) => {
      const count = left.get(word) ?? 0;
      left.set(word, count - 1);
      return count > 0;
    }) >= NEAR
  );
}

const textsOf = (file: PatchFile, kind: 'added' | 'removed'): string[] =>
  file.hunks.flat().flatMap((line) => (line.kind === kind ? [line.text] : []));
const isWord = (text: string): boolean => /[\p{L}\p{N}]/u.test(text);
const uncommented = (text: string): string => text.replace(/(^|\s)(\/\/|#).*$/u, '').trim();
/** A line as one means it: spaces, quotes, a comment behind it and what ends or separates it say nothing. */
const normal = (text: string): string =>
  (uncommented(text) || text).replace(/["'`]/gu, "'").replace(/[\s;,]+/gu, '');
const share = <T>(all: readonly T[], has: (one: T) => boolean): number => all.filter(has).length / all.length;
const counted = (words: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
};

/** Words that a change brings and does not take away elsewhere: of a line that is edited, what is new in it. */
function newWords(files: readonly PatchFile[], kind: 'added' | 'removed'): string[] {
  const wordsOf = (which: 'added' | 'removed') =>
    files
      .flatMap((file) => textsOf(file, which))
      .flatMap((text) => text.match(/[\p{L}\p{N}_$]+|[^\s\p{L}\p{N}_$;,"'`]/gu) ?? [])
      .slice(0, MOST_WORDS);
  const gone = counted(wordsOf(kind === 'added' ? 'removed' : 'added'));
  return wordsOf(kind).filter((word) => {
    const count = gone.get(word) ?? 0;
    gone.set(word, count - 1);
    return count <= 0;
  });
}
