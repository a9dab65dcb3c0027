import { constants } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checkout } from './sandbox.ts';

// The host's own reads of a checkout: the read-only base, which no agent can write. No link is followed at any step.

const split = (path: string): string[] | null => {
  const parts = path.split('/');
  return path.includes('\0') || parts.some((part) => part === '' || part === '.' || part === '..')
    ? null
    : parts;
};

/** The first `maxBytes` of a plain file of the tree, or null when there is none at that path, or a link on the way. */
export async function readCheckout(
  checkout: Checkout,
  path: string,
  maxBytes: number,
): Promise<Buffer | null> {
  const parts = split(path);
  if (parts === null || parts[0] === '.git') return null;
  let folder = checkout.path;
  for (const part of parts.slice(0, -1)) {
    folder = join(folder, part);
    const stat = await lstat(folder).catch(() => null);
    if (stat?.isDirectory() !== true) return null;
  }
  const full = join(folder, parts.at(-1) ?? '');
  const file = await open(full, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    () => null,
  );
  if (file === null) return null;
  try {
    const stat = await file.stat();
    if (!stat.isFile()) return null;
    const buffer = Buffer.alloc(Math.min(stat.size, maxBytes));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Plain files of the tree, relative and sorted within each folder, `maxEntries` at most; `.git` is not entered, nor what is `leftOut`. */
export async function listCheckout(
  checkout: Checkout,
  maxEntries: number,
  leftOut: (path: string) => boolean,
): Promise<{ paths: string[]; truncated: boolean }> {
  const paths: string[] = [];
  const folders = [''];
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    const entries = await readdir(join(checkout.path, folder), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && path !== '.git' && !leftOut(path)) folders.push(path);
      if (!entry.isFile()) continue;
      if (paths.length >= maxEntries) return { paths, truncated: true };
      paths.push(path);
    }
  }
  return { paths, truncated: false };
}
