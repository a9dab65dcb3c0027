import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { javascript } from '@millwright/toolchains';
import { type Git, gitFailed } from './git.ts';

// Where two sides only add lines at one place of a document or a list (a changelog, an ignore file), both belong there. Of code that is so where
// each only declares what the other does not, as the language's toolchain tells; the tests of the tree that comes of it judge. Any other
// code is left to whoever made the later change: lines of both that parse need not mean both.

const EXTENSIONS = new Set(['.md', '.markdown', '.rst', '.adoc']);
const NAMES = /^((changelog|changes|news|history|authors|contributors)(\.txt)?|codeowners|\.[a-z]+ignore)$/i;

const isDocument = (path: string): boolean =>
  EXTENSIONS.has(extname(path).toLowerCase()) || NAMES.test(basename(path));

export const mayBeUnited = (path: string): boolean => isDocument(path) || javascript.isSource(path);

/** Longer than any line of marks that a document has for its own ends. */
const MARK = 61;
const marked = (mark: string) => (line: string) => line.startsWith(mark.repeat(MARK));
const [opens, bases, splits, closes] = ['<', '|', '=', '>'].map(marked) as [
  (line: string) => boolean,
  (line: string) => boolean,
  (line: string) => boolean,
  (line: string) => boolean,
];

/** The lines of both: first ours, then theirs; a heading that both begin with is there once, and so is a blank line that both end with. */
function both(ours: string[], theirs: string[]): string[] {
  const shared = ours.findIndex((line, index) => line !== theirs[index]);
  const from = shared < 0 ? Math.min(ours.length, theirs.length) : shared;
  const blank = ours.at(-1)?.trim() === '' && theirs.at(-1)?.trim() === '' && ours.length > from;
  return [...(blank ? ours.slice(0, -1) : ours), ...theirs.slice(from)];
}

/** What is to stand there for what both add, behind `before`, or null. */
function together(path: string, before: string[], ours: string[], theirs: string[]): string[] | null {
  if (isDocument(path)) return both(ours, theirs);
  return javascript.independent(path, before.join(''), ours.join(''), theirs.join(''))
    ? [...ours, ...theirs]
    : null;
}

/** The text of a merge with marks of all three sides, without its conflicts; null where what two sides did there is not to stand side by side. */
export function united(path: string, marks: string): string | null {
  const out: string[] = [];
  // A line that a side has without an end gets one before the next mark.
  let side: 'none' | 'ours' | 'base' | 'theirs' = 'none';
  let ours: string[] = [];
  let theirs: string[] = [];
  for (const line of marks.split(/(?<=\n)/)) {
    if (side === 'none' && opens(line)) side = 'ours';
    else if (side === 'ours' && bases(line)) side = 'base';
    else if (side === 'base' && splits(line)) side = 'theirs';
    else if (side === 'theirs' && closes(line)) {
      const all = together(path, out, ours, theirs);
      if (all === null) return null;
      out.push(...all);
      [side, ours, theirs] = ['none', [], []];
    } else if (side === 'base') return null;
    else (side === 'ours' ? ours : side === 'theirs' ? theirs : out).push(line);
  }
  return side === 'none' ? out.join('') : null;
}

/** A file's bytes of all three sides as one, or null where that is not for git to say. */
export async function unite(
  git: Git,
  path: string,
  [base, ours, theirs]: readonly [Buffer, Buffer, Buffer],
): Promise<Buffer | null> {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-union-'));
  try {
    const sides = { ours, base, theirs };
    const files = await Promise.all(
      Object.entries(sides).map(async ([name, bytes]) => {
        await writeFile(join(folder, name), bytes);
        return join(folder, name);
      }),
    );
    const args = ['merge-file', '-p', '--diff3', `--marker-size=${MARK}`, ...files];
    const merged = await git.run(args);
    // Its exit code is the number of conflicts; from 128 on an error, as of a binary file.
    if (merged.exitCode >= 128) {
      if (/binary/i.test(merged.stderr)) return null;
      throw gitFailed(args, merged);
    }
    const text = united(path, merged.stdout.toString('latin1'));
    return text === null ? null : Buffer.from(text, 'latin1');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
