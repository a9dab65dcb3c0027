import type { ChangedPath, SecretFinder } from '@millwright/domain';
import { spansIn } from '../known-secrets.ts';

/** A file of the tree that a change comes to, or of the one it is measured against; null where there is no plain file at that path. */
type Read = (path: string) => Promise<Uint8Array | null>;

/**
 * The first known value that a change adds to a binary file, as a sentence; null where there is none. A patch has such a file packed, so its bytes are
 * read from the tree itself. By value alone: what looks like a secret by its format is ordinary among bytes.
 */
export async function secretInBinaries(
  paths: readonly ChangedPath[],
  on: { before: Read; after: Read },
  known: SecretFinder,
): Promise<string | null> {
  for (const { path, status, added, removed } of paths) {
    // git counts no lines of what is binary.
    if (status === 'deleted' || added > 0 || removed > 0) continue;
    const after = await on.after(path);
    if (after === null) continue;
    const names = await namesIn(after, known);
    if (names.size === 0) continue;
    const before = await on.before(path);
    const were = before === null ? new Set<string>() : await namesIn(before, known);
    for (const name of names) if (!were.has(name)) return `${path} holds the value of secret ${name}`;
  }
  return null;
}

async function namesIn(bytes: Uint8Array, known: SecretFinder): Promise<Set<string>> {
  const names = new Set<string>();
  for await (const { name } of spansIn(bytes, known)) names.add(name);
  return names;
}
