import { hiddenIn } from '@millwright/domain';
import { lineFinder, newIn } from './difference.ts';

/** Each line that has hidden characters. CR LF ends a line; a CR elsewhere is hidden. */
function* linesWithHidden(text: string) {
  const plain = text.replaceAll('\r\n', ' \n');
  const lineOf = lineFinder(plain);
  const lines = plain.split('\n');
  let last = 0;
  for (const { at, name } of hiddenIn(plain)) {
    const line = lineOf(at);
    if (line === last) continue;
    last = line;
    yield { at, key: lines[line - 1]?.trimEnd() ?? '', name };
  }
}

/** Changed lines, added or removed, that have hidden characters: the line on its own side, and the first of them (`U+202E`). */
export function changedHidden(before: string, after: string): { line: number; name: string }[] {
  const of = (from: string, to: string) => {
    const lineOf = lineFinder(to);
    return newIn(from, to, linesWithHidden).map(({ at, name }) => ({ line: lineOf(at), name }));
  };
  return [...of(before, after), ...of(after, before)];
}
