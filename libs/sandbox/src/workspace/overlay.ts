import { createHash, type Hash } from 'node:crypto';
import { chown, lstat, mkdir, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AGENT } from '../engine/hardening.ts';
import { hostTool } from '../engine/host.ts';
import type { Limits } from '../engine/limits.ts';
import { checkSnapshot } from './snapshot.ts';

/** Where an attempt's writes lie: a tmpfs of the host's with the overlay's upper and work folders in it. */
export type Upper = { mount: string; upper: string; work: string };

/** A snapshot larger than this is refused: it is stored with every turn that changed something. */
const SNAPSHOT_MAX = 256 * 1_048_576;

const OPAQUE = ['--xattrs', '--xattrs-include=trusted.overlay.opaque'];

/** Mounts a fresh, bounded upper at `mount` (which it creates). Needs root on Linux. Measured: 3–5 ms. */
export async function mountUpper(mount: string, limits: Limits): Promise<Upper> {
  await mkdir(mount);
  const size = `size=${limits.diskMb}m,nr_inodes=${limits.inodes},mode=0755`;
  await hostTool('mount', ['-t', 'tmpfs', '-o', `${size},nosuid,nodev`, 'millwright', mount]).catch(
    async (error) => {
      await rmdir(mount);
      throw error;
    },
  );
  const made = { mount, upper: join(mount, 'upper'), work: join(mount, 'work') };
  await mkdir(made.upper);
  await mkdir(made.work);
  await chown(made.upper, AGENT, AGENT);
  return made;
}

/** Unmounts (lazily, should something of the engine's still hold it) and removes the folder. */
export async function unmountUpper(mount: string): Promise<void> {
  await hostTool('umount', ['-l', mount]);
  await rmdir(mount);
}

/**
 * Options of an overlay mount. `lowers` topmost first; without `upper` it is read-only. Everything that could make an upper mean
 * something else on another mount (redirects, metadata-only copies, the inode index) is off, so that a snapshot can be put back.
 */
export function overlayOptions(lowers: readonly string[], upper?: Upper): string {
  const fixed = 'redirect_dir=nofollow,metacopy=off,index=off,xino=off';
  const lower = `lowerdir=${lowers.join(':')}`;
  return upper === undefined
    ? `${lower},${fixed}`
    : `${lower},upperdir=${upper.upper},workdir=${upper.work},${fixed}`;
}

/**
 * A value that differs when anything in the folder was written, made or removed: names, inodes, sizes, modes and change times, which
 * no process inside can set back. Contents are not read. Measured: 1 ms for 100 files.
 */
export async function fingerprint(folder: string): Promise<string> {
  const hash = createHash('sha256');
  await addFolder(hash, Buffer.from(folder));
  return hash.digest('hex');
}

async function addFolder(hash: Hash, folder: Buffer): Promise<void> {
  const own = await lstat(folder, { bigint: true });
  hash.update(`d ${own.ino} ${own.mode} ${own.ctimeNs}\n`);
  const names = await readdir(folder, { encoding: 'buffer' });
  for (const name of names.sort(Buffer.compare)) {
    const path = Buffer.concat([folder, Buffer.from('/'), name]);
    const stat = await lstat(path, { bigint: true });
    hash
      .update(`${name.length} `)
      .update(name)
      .update(` ${stat.ino} ${stat.size} ${stat.mode} ${stat.ctimeNs}\n`);
    if (stat.isDirectory()) await addFolder(hash, path);
  }
}

/** The folder as a tar: numeric owners, modes, times, opaque folders and whiteouts survive; sorted, so that equal folders are equal bytes. */
export async function tarUpper(
  upper: string,
): Promise<{ kind: 'snapshot'; tar: Buffer } | { kind: 'refused'; reason: string }> {
  const args = ['--create', '--file=-', '--sort=name', '--numeric-owner', '--format=posix'];
  const pax = '--pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f';
  try {
    const tar = await hostTool('tar', [...args, pax, ...OPAQUE, '-C', upper, '.'], {
      maxBytes: SNAPSHOT_MAX,
    });
    return { kind: 'snapshot', tar };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER')
      return {
        kind: 'refused',
        reason: `the workspace's changes are larger than ${SNAPSHOT_MAX / 1_048_576} MiB`,
      };
    throw error;
  }
}

/** Puts a snapshot back into an empty upper, before it is mounted anywhere. Every entry is checked before the first is written. */
export async function restoreUpper(
  upper: string,
  tar: Uint8Array,
): Promise<{ kind: 'restored' } | { kind: 'refused'; reason: string }> {
  const bad = await checkSnapshot(tar);
  if (bad !== null) return { kind: 'refused', reason: `the snapshot is not one of ours: ${bad}` };
  const args = ['--extract', '--file=-', '--numeric-owner', '--same-owner', '--same-permissions'];
  try {
    await hostTool('tar', [...args, ...OPAQUE, '--delay-directory-restore', '-C', upper], { stdin: tar });
    return { kind: 'restored' };
  } catch (error) {
    return { kind: 'refused', reason: `the snapshot could not be put back: ${String(error)}` };
  }
}
