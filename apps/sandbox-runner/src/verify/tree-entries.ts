import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Checkout, readCheckout } from '@millwright/sandbox';
import type { Toolchain, TreeFiles } from '@millwright/toolchains';

// What a checkout has at its paths, entries of every kind. The host only looks: no link is followed.

export type EntryKind = 'file' | 'link' | 'other';
export type Entry = { kind: 'file'; bytes: Uint8Array; mode: number } | { kind: 'link'; target: string };

const MAX_ENTRIES = 200_000;
const MAX_FILE = 4 * 1024 * 1024;

/** Every entry that is no folder, relative to the root; `.git` and what an installation makes are not entered. */
export async function listEntries(
  checkout: Checkout,
  { isInstalled }: Pick<Toolchain, 'isInstalled'>,
): Promise<Map<string, EntryKind>> {
  const found = new Map<string, EntryKind>();
  const folders = [''];
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    for (const entry of await readdir(join(checkout.path, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (path === '.git') continue;
      if (entry.isDirectory()) {
        if (!isInstalled(path)) folders.push(path);
      } else found.set(path, entry.isFile() ? 'file' : entry.isSymbolicLink() ? 'link' : 'other');
      if (found.size >= MAX_ENTRIES) return found;
    }
  }
  return found;
}

/** What is at a path; null for nothing, for a folder, and for what lies behind a link. */
export async function readEntry(checkout: Checkout, path: string): Promise<Entry | null> {
  const stat = await lstat(join(checkout.path, path)).catch(() => null);
  if (stat === null) return null;
  if (stat.isSymbolicLink()) return { kind: 'link', target: await readlink(join(checkout.path, path)) };
  const bytes = await readCheckout(checkout, path, MAX_FILE);
  return bytes === null ? null : { kind: 'file', bytes, mode: stat.mode & 0o777 };
}

/** The tree's plain files for a toolchain. */
export async function filesOf(
  checkout: Checkout,
  toolchain: Pick<Toolchain, 'isInstalled'>,
): Promise<TreeFiles> {
  const entries = await listEntries(checkout, toolchain);
  return {
    paths: [...entries].flatMap(([path, kind]) => (kind === 'file' ? [path] : [])),
    async read(path) {
      const bytes = await readCheckout(checkout, path, MAX_FILE);
      return bytes === null ? null : bytes.toString('utf8');
    },
  };
}
