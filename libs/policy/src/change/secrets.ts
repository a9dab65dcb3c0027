import { isLockfile, secretsIn } from '@millwright/domain';
import { lineIndex, linesOf, type PatchFile, type PatchLine } from './patch.ts';

export type FoundSecret = { path: string; line: number; kind: string };

/** Read at once, so that a patch of a million short lines costs no million readings; of a longer line, so much. In characters. */
const AT_ONCE = 20_000;

/** Lines that follow one another, as many as are read at once. */
function* portions(lines: readonly PatchLine[]): Generator<PatchLine[]> {
  let portion: PatchLine[] = [];
  let length = 0;
  for (const line of lines) {
    const text = line.text.slice(0, AT_ONCE);
    if (length + text.length > AT_ONCE && portion.length > 0) {
      yield portion;
      portion = [];
      length = 0;
    }
    portion.push({ ...line, text });
    length += text.length + 1;
  }
  if (portion.length > 0) yield portion;
}

/** Known formats anywhere; random-looking values only where their name says secret. Lockfiles are left out: hashes are what they hold. */
export function findSecrets(files: readonly PatchFile[]): FoundSecret[] {
  return files
    .filter((file) => !isLockfile(file.path))
    .flatMap((file) =>
      [...portions(linesOf(file, 'added'))].flatMap((lines) => {
        const indexOf = lineIndex(lines);
        const kinds = new Map<number, string>();
        for (const { start, kind } of secretsIn(lines.map(({ text }) => text).join('\n'), { alone: false })) {
          const line = lines[indexOf(start)]?.line ?? 0;
          if (!kinds.has(line)) kinds.set(line, kind);
        }
        return [...kinds].sort(([a], [b]) => a - b).map(([line, kind]) => ({ path: file.path, line, kind }));
      }),
    );
}
