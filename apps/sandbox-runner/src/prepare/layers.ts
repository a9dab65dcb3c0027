import { chown, lstat, mkdir, readdir, readFile, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Checkout, Engine, Layer } from '@millwright/sandbox';
import { AGENT, closeView, gitPattern, removeTree } from '@millwright/sandbox';
import { z } from 'zod';

/** `compromise`: how it differs from what the tree asks for, in words. */
export type Installed = Layer & { compromise: string | null };

const Kept = z.strictObject({ created: z.array(z.string()), compromise: z.string().nullable() });

/** Layers and checkouts beyond this many are removed, the least recently used first. */
const KEEP = 32;
/** Nothing that was used this recently is removed: longer than any sandbox may live, so nothing mounted is pulled away. */
const MIN_AGE_MS = 6 * 3_600_000;

/** The layer of that key, if it is there, marked as used. */
export async function findLayer(engine: Engine, key: string): Promise<Installed | null> {
  const folder = join(engine.folders.layers, key);
  const text = await readFile(join(folder, 'layer.json'), 'utf8').catch(() => null);
  if (text === null) return null;
  const now = new Date();
  await utimes(folder, now, now);
  return { key, path: join(folder, 'files'), ...Kept.parse(JSON.parse(text)) };
}

/**
 * Keeps what an installation made: every path of its overlay's `upper` that the checkout does not have. Changes to the tree's own
 * files, deletions and `.git` are left behind, so a layer over its checkout never changes the tree. `upper` is used up.
 */
export async function keepLayer(
  engine: Engine,
  key: string,
  upper: string,
  checkout: Checkout,
  compromise: string | null,
): Promise<Installed> {
  const half = join(engine.folders.scratch, engine.name());
  const files = join(half, 'files');
  await mkdir(files, { recursive: true });
  await chown(files, AGENT, AGENT);
  const created: string[] = [];
  await moveCreated(upper, checkout.path, files, '', created);
  await exclude(files, created);
  await writeFile(
    join(half, 'layer.json'),
    JSON.stringify({ created, compromise } satisfies z.infer<typeof Kept>),
  );
  const folder = join(engine.folders.layers, key);
  await rename(half, folder).catch(async (error: NodeJS.ErrnoException) => {
    // Another process was faster; its layer has the same key and is as good.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    await removeTree(half);
  });
  return { key, path: join(folder, 'files'), created, compromise };
}

async function moveCreated(
  from: string,
  base: string,
  to: string,
  at: string,
  created: string[],
): Promise<void> {
  for (const entry of await readdir(join(from, at), { withFileTypes: true })) {
    const path = join(at, entry.name);
    // A character device in an upper is a whiteout: the installation deleted a file of the tree.
    if (path === '.git' || entry.isCharacterDevice()) continue;
    const own = await lstat(join(base, path)).catch(() => null);
    if (own === null) {
      await rename(join(from, path), join(to, path));
      created.push(path);
    } else if (own.isDirectory() && entry.isDirectory()) {
      await mkdir(join(to, path));
      await chown(join(to, path), AGENT, AGENT);
      await moveCreated(from, base, to, path, created);
    }
  }
}

/** What was installed is no news to `git status` inside, whether or not the repository ignores it. Laid over the checkout's own `.git`. */
async function exclude(files: string, created: readonly string[]): Promise<void> {
  for (const folder of ['.git', '.git/info']) {
    await mkdir(join(files, folder));
    await chown(join(files, folder), AGENT, AGENT);
  }
  const lines = created.map((path) => `/${gitPattern(path)}\n`).join('');
  await writeFile(join(files, '.git/info/exclude'), lines);
  await chown(join(files, '.git/info/exclude'), AGENT, AGENT);
}

/** Removes the least recently used layers, checkouts and objects of sources beyond the bound of each. */
export async function evict(engine: Engine, keep = KEEP, minAgeMs = MIN_AGE_MS): Promise<void> {
  for (const [what, folder] of [
    ['layer', engine.folders.layers],
    ['checkout', engine.folders.checkouts],
    ['source', engine.folders.sources],
  ] as const) {
    const kept: { key: string; used: number }[] = [];
    for (const key of await readdir(folder))
      kept.push({ key, used: (await stat(join(folder, key))).mtimeMs });
    kept.sort((a, b) => b.used - a.used);
    for (const { key, used } of kept.slice(keep)) {
      if (Date.now() - used < minAgeMs) continue;
      if (what === 'checkout') await closeView(engine, key);
      await removeTree(join(folder, key));
      engine.note({ kind: 'evicted', what, key });
    }
  }
}
