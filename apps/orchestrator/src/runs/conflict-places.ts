import type { GitSha } from '@millwright/domain';
import type { Repository } from '../source-control/repository.ts';

// What became of a conflict: whether its implementer changed anything but the places between markers.

/** Larger files are not compared: something else may have changed in them. */
const MAX_BYTES = 1_048_576;
const OPENS = /^<{7} /;
const SPLITS = /^={7}$/;
const CLOSES = /^>{7} /;

/** With the beginning of each line marked, so that a text is found as whole lines. */
const linesOf = (text: string): string[] => text.split(/(?<=\n)/).map((line) => `\0${line}`);

/** The texts between the conflicts of a file, one more than there are conflicts; null where the markers are not whole. */
function around(marked: string): string[] | null {
  const texts = [''];
  let side: 'none' | 'ours' | 'theirs' = 'none';
  for (const line of marked === '' ? [] : linesOf(marked)) {
    const plain = line.slice(1).replace(/\r?\n$/, '');
    if (side === 'none' && OPENS.test(plain)) side = 'ours';
    else if (side === 'ours' && SPLITS.test(plain)) side = 'theirs';
    else if (side === 'theirs' && CLOSES.test(plain)) {
      side = 'none';
      texts.push('');
    } else if (side === 'none') texts.push(`${texts.pop()}${line}`);
  }
  return side === 'none' ? texts : null;
}

/** Whether `resolved` is `marked` with its conflicts resolved, whatever stands in their places, and nothing else changed. Pure. */
export function onlyPlacesChanged(marked: string, resolved: string): boolean {
  const texts = around(marked);
  const now = resolved === '' ? '' : linesOf(resolved).join('');
  const [first = '', ...rest] = texts ?? [];
  const last = rest.pop();
  if (last === undefined || !now.startsWith(first)) return false;
  let at = first.length;
  for (const text of rest) {
    const found = now.indexOf(text, at);
    if (found < 0) return false;
    at = found + text.length;
  }
  return now.endsWith(last) && now.length - last.length >= at;
}

/** The same of two trees. A file that conflicts as a whole (one side removed it) is a place itself; it has no markers. */
export async function resolvedAlone(
  repo: Pick<Repository, 'changed' | 'file'>,
  start: GitSha,
  tree: GitSha,
  conflicting: readonly string[],
): Promise<boolean> {
  for (const { path } of await repo.changed(start, tree)) {
    if (!conflicting.includes(path)) return false;
    const [marked, now] = await Promise.all([start, tree].map((of) => repo.file(of, path, MAX_BYTES)));
    if (marked?.kind === 'odd' || now?.kind === 'odd') return false;
    if (marked?.kind !== 'file' || !marked.text.split('\n').some((line) => OPENS.test(line))) continue;
    if (now?.kind !== 'file' || !onlyPlacesChanged(marked.text, now.text)) return false;
  }
  return true;
}
