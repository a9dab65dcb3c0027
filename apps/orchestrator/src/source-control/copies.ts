import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Git } from './git.ts';

// The factory's bare repositories as git bundles: everything that a ref names, in a file each. Nothing is ever collected there and refs are only
// added, so a copy that is made while the factory works lacks nothing that the trail had named before.

const LIMIT_MS = 3_600_000;

/** Writes a bundle of each repository in `folder` into `into`; returns the files' names. One that has no ref yet has nothing to copy. */
export async function bundleRepositories(folder: string, into: string): Promise<string[]> {
  const there = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const bundles: string[] = [];
  for (const name of there.filter((one) => /^[^.].*\.git$/.test(one)).sort()) {
    const git = new Git(join(folder, name));
    if ((await git.text(['for-each-ref', '--count=1'])) === '') continue;
    const bundle = name.replace(/\.git$/, '.bundle');
    await git.must(['bundle', 'create', '--quiet', join(into, bundle), '--all'], { timeoutMs: LIMIT_MS });
    bundles.push(bundle);
  }
  return bundles;
}

/** Makes the repositories in `folder` from their bundles in `from`. */
export async function unbundleRepositories(from: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const bundle of (await readdir(from)).filter((one) => one.endsWith('.bundle'))) {
    const dir = join(folder, bundle.replace(/\.bundle$/, '.git'));
    const git = new Git(dir);
    await git.must(['init', '--quiet', '--bare', dir]);
    await git.must(['fetch', '--quiet', join(from, bundle), '+refs/*:refs/*'], { timeoutMs: LIMIT_MS });
  }
}
