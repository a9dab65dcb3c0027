import type { ChangedPath } from '@millwright/domain';
import type { PatchFile } from './patch.ts';
import { isDocument, isTest } from './paths.ts';

const SLASHES = /\.(c|cc|cpp|cs|cts|cjs|go|h|hpp|java|js|jsx|kt|mjs|mts|rs|scala|swift|ts|tsx)$/i;
const HASHES = /\.(py|rb|sh|bash)$/i;
// Comments that tools obey are code.
const DIRECTIVE =
  /@ts-|eslint|biome|prettier|istanbul|c8 |v8 |@jsx|go:|\+build|noqa|type:|pragma|pylint|rubocop|shellcheck|coding[:=]|!/i;

/**
 * True when every changed line is blank or one whole-line comment. Only `// text` and `# text` count: a line of a block comment
 * cannot be told from code without the whole file, nor can a line inside a string, so a hunk that shows a template or
 * triple-quoted string does not count either.
 */
export function onlyComments(file: PatchFile): boolean {
  const comment = SLASHES.test(file.path) ? /^\s*\/\/ / : HASHES.test(file.path) ? /^\s*# / : undefined;
  if (comment === undefined || file.binary || file.mode !== null || file.hunks.length === 0) return false;
  return file.hunks.every(
    (hunk) =>
      hunk.every((line) => !/`|"""|'''|<<|\/\*|\*\/|\\$/.test(line.text)) &&
      hunk
        .filter((line) => line.kind !== 'context')
        .every((line) => line.text.trim() === '' || (comment.test(line.text) && !DIRECTIVE.test(line.text))),
  );
}

/** What kind of trivial each path is, or undefined for one that is not. */
export function trivialKind(
  path: ChangedPath,
  file: PatchFile | undefined,
): 'docs' | 'tests' | 'comments' | undefined {
  if (path.status === 'type_changed' || file?.mode === '120000') return undefined;
  if (isDocument(path.path)) return 'docs';
  if (isTest(path.path)) return 'tests';
  return file !== undefined && path.status === 'modified' && onlyComments(file) ? 'comments' : undefined;
}
