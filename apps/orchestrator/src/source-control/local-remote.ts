import { lstat, readdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// A repository on this machine has hooks and a configuration that git runs for whoever serves it (githooks(5), core.alternateRefsCommand).
// So the half of git that serves it runs as its owner, and never with the factory's rights over what others can write.

export type LocalRemote =
  /** On another machine, or not there: git says what is wrong. */
  | { kind: 'elsewhere' }
  /** The factory's own user owns it. */
  | { kind: 'ours'; path: string }
  /** The factory is root, and another user owns it. */
  | { kind: 'theirs'; path: string; uid: number; gid: number }
  | { kind: 'refused'; reason: string };

/** Where a remote's address is a path of this machine: whose it is, as things are now. */
export async function localRemote(url: string): Promise<LocalRemote> {
  const named = pathOf(url);
  if (named === null) return refused(`${url} names no file of this machine`);
  if (!named.startsWith('/')) return { kind: 'elsewhere' };
  if ((await lstat(join(named, '.git')).catch(gone))?.isFile())
    return refused(`${named} is a work tree of another repository: give the path of that one`);
  const folder = await gitFolder(named);
  if (folder === null) return { kind: 'elsewhere' };
  const self = process.getuid?.() ?? 0;
  const { uid, gid } = await lstat(folder);
  if (self !== 0)
    return uid === self
      ? { kind: 'ours', path: folder }
      : refused(
          `${named} belongs to user ${uid}, and the factory runs as ${self}: its hooks would run as the factory. Run the factory as that user, or give an ssh:// address`,
        );
  if (uid !== 0) return { kind: 'theirs', path: folder, uid, gid };
  const loose = await writableByOthers(folder);
  return loose === null
    ? { kind: 'ours', path: folder }
    : refused(
        `${named} belongs to root, and others may write ${loose}: root would run what they write there. Give the repository to a user of its own (chown -R), or take their right`,
      );
}

/**
 * The command that git serves such a repository by, for `--upload-pack` and `--receive-pack`: as its owner, without their groups' extras
 * and without anything of the factory's environment. Null: git's own.
 */
export function servedBy(remote: LocalRemote, program: 'upload-pack' | 'receive-pack'): string | null {
  if (remote.kind !== 'theirs') return null;
  const env = ['HOME=/nonexistent', 'GIT_CONFIG_NOSYSTEM=1', 'GIT_CONFIG_GLOBAL=/dev/null', 'LC_ALL=C'];
  return [
    `setpriv --reuid=${remote.uid} --regid=${remote.gid} --clear-groups --no-new-privs`,
    `env -i PATH="$PATH" ${env.join(' ')} git-${program}`,
  ].join(' ');
}

function pathOf(url: string): string | null {
  if (!url.startsWith('file://')) return url;
  try {
    return fileURLToPath(url);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

const refused = (reason: string): LocalRemote => ({ kind: 'refused', reason });

/** The folder with the repository's configuration and hooks; its own path, with no link left in it. */
async function gitFolder(named: string): Promise<string | null> {
  for (const candidate of [join(named, '.git'), named]) {
    const path = await realpath(candidate).catch(gone);
    if (path !== null && (await lstat(join(path, 'HEAD')).catch(gone)) !== null) return path;
  }
  return null;
}

/** What of a repository of root's somebody else may write, as far as git runs or reads it as configuration; the folders above it too. */
async function writableByOthers(folder: string): Promise<string | null> {
  const hooks = await readdir(join(folder, 'hooks')).catch(gone);
  const parts = ['.', 'config', 'hooks', 'objects', 'objects/info', 'objects/info/alternates', 'info'];
  const paths = [
    ...parts.map((part) => join(folder, part)),
    ...(hooks ?? []).map((hook) => join(folder, 'hooks', hook)),
  ];
  for (let above = dirname(folder); above !== '/'; above = dirname(above)) paths.push(above);
  for (const path of paths) {
    const found = await lstat(path).catch(gone);
    if (found === null) continue;
    // In a folder with the sticky bit (/tmp) nobody exchanges what is another's.
    const sticky = found.isDirectory() && (found.mode & 0o1000) !== 0 && found.uid === 0;
    if (found.uid !== 0 || ((found.mode & 0o022) !== 0 && !sticky && !found.isSymbolicLink())) return path;
  }
  return null;
}

function gone(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
  throw error;
}
