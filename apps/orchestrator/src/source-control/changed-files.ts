import { type GitSha, terminal } from '@millwright/domain';
import type { ChangedFile, Side } from '@millwright/policy';
import type { Git } from './git.ts';

/** A blob over the first is not read for a gate, nor what goes over the second in one change. Bytes. */
const LARGEST = 4 * 1024 * 1024;
const MOST = 48 * 1024 * 1024;

type RawSide = { mode: string; blob: string };
const ABSENT = '000000';
const SUBMODULE = '160000';

/** `git diff-tree --raw -z`: `:mode mode blob blob status`, NUL, path, NUL. */
function parseRaw(text: string): { path: string; before: RawSide; after: RawSide }[] {
  const fields = text.split('\0');
  const found: { path: string; before: RawSide; after: RawSide }[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [from = '', to = '', was = '', is = ''] = (fields[i] ?? '').slice(1).split(' ');
    found.push({
      path: fields[i + 1] ?? '',
      before: { mode: from, blob: was },
      after: { mode: to, blob: is },
    });
  }
  return found;
}

/** Which of these blobs are read: none that is too large, and no more than so many bytes in all. */
async function chosen(git: Git, blobs: readonly string[]): Promise<string[]> {
  if (blobs.length === 0) return [];
  const listed = await git.text(['cat-file', '--batch-check'], {
    input: Buffer.from(`${blobs.join('\n')}\n`),
  });
  let left = MOST;
  return listed.split('\n').flatMap((line) => {
    const [blob = '', type, size] = line.split(' ');
    if (type !== 'blob' || Number(size) > LARGEST || Number(size) > left) return [];
    left -= Number(size);
    return [blob];
  });
}

/** `git cat-file --batch`: `id type size`, LF, the bytes, LF. */
async function contents(git: Git, blobs: readonly string[]): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  if (blobs.length === 0) return found;
  const out = await git.must(['cat-file', '--batch'], { input: Buffer.from(`${blobs.join('\n')}\n`) });
  for (let at = 0; at < out.length; ) {
    const end = out.indexOf(10, at);
    const [blob = '', , size] = out.toString('latin1', at, end).split(' ');
    found.set(blob, out.subarray(end + 1, end + 1 + Number(size)));
    at = end + 1 + Number(size) + 1;
  }
  return found;
}

/** Every path that differs between two trees, with the bytes of both its sides. What is too large to be read has none, and says so by that. */
export async function changedFiles(git: Git, from: GitSha, to: GitSha): Promise<ChangedFile[]> {
  const raw = await git.must(['diff-tree', '-r', '-z', '--no-renames', '--no-abbrev', '--raw', from, to]);
  const changes = parseRaw(raw.toString('utf8'));
  const wanted = changes.flatMap(({ before, after }) =>
    [before, after].filter(({ mode }) => mode !== ABSENT && mode !== SUBMODULE).map(({ blob }) => blob),
  );
  const bytes = await contents(git, await chosen(git, [...new Set(wanted)]));
  const side = ({ mode, blob }: RawSide): Side | null =>
    mode === ABSENT ? null : { mode, bytes: bytes.get(blob) ?? null };
  return changes.map(({ path, before, after }) => ({ path, before: side(before), after: side(after) }));
}

/** Files of a tree that hold one of these texts. */
export async function filesHolding(git: Git, tree: GitSha, texts: readonly string[]): Promise<string[]> {
  if (texts.length === 0) return [];
  const given = texts.flatMap((text) => ['-e', text]);
  const found = await git.run(['grep', '-z', '-l', '-I', '-F', ...given, tree]);
  // Exit code 1 is "none"; whatever else is wrong is no answer.
  if (found.exitCode === 1 && found.stderr === '') return [];
  if (found.exitCode !== 0) throw terminal('git-failed', `git grep failed: ${found.stderr}`);
  return found.stdout
    .toString('utf8')
    .split('\0')
    .filter(Boolean)
    .map((line) => line.slice(tree.length + 1));
}
