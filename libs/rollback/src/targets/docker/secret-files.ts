import { chmod, chown, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReleaseId } from '@millwright/domain';
import { isRoot } from '../users.ts';
import type { Names } from './place.ts';

// A release's secrets are files that its own user alone can read, mounted one by one; what starts the release puts them into its environment.
// So they are in no configuration that the engine keeps on disk or shows to who may inspect containers.

const INSIDE = '/run/secrets';

const folderOf = (names: Names, release: ReleaseId): string => join(names.secrets, release);

/** Writes the values, and says how they are mounted. */
export async function writeSecrets(
  names: Names,
  release: ReleaseId,
  secrets: Readonly<Record<string, string>>,
  uid: number,
): Promise<void> {
  const folder = folderOf(names, release);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const [name, value] of Object.entries(secrets)) {
    const path = join(folder, name);
    // In place: a running container's mount is of this file, not of its name.
    await writeFile(path, value, { mode: 0o600 });
    if (isRoot()) await chown(path, uid, uid);
    // Not root: the container's user is another one, and the folder above lets in the factory's alone.
    await chmod(path, isRoot() ? 0o400 : 0o444);
  }
}

export const secretBinds = (names: Names, release: ReleaseId, secrets: readonly string[]): string[] =>
  secrets.map((name) => `${join(folderOf(names, release), name)}:${INSIDE}/${name}:ro`);

/** Shell that exports them, to the byte (`$(…)` would eat line ends); before the command that starts the release. */
export const exportSecrets = (secrets: readonly string[]): string =>
  secrets
    .map(
      (name) =>
        `${name}=$(cat ${INSIDE}/${name}; printf .) && ${name}=\${${name}%.} && export ${name} || exit 78\n`,
    )
    .join('');

/** One that is being started has files before it has a container. */
const YOUNG_MS = 600_000;

/** Those of releases that have no container any more go; those just written only with 'all'. */
export async function pruneSecrets(
  names: Names,
  kept: readonly ReleaseId[],
  which: { now: number } | 'all',
): Promise<void> {
  const there = await readdir(names.secrets).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  for (const release of there) {
    if (kept.some((one) => one === release)) continue;
    const folder = join(names.secrets, release);
    if (which === 'all' || which.now - (await stat(folder)).mtimeMs > YOUNG_MS)
      await rm(folder, { recursive: true, force: true });
  }
}
