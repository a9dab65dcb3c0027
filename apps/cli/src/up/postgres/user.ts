import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, failed } from '../../fail.ts';

/** The OS user that Postgres runs as: ourselves, or `postgres` where we are root, which Postgres refuses to be. */
export type ServerUser = { uid: number; gid: number } | null;

const NAME = 'postgres';

function idsOf(name: string): ServerUser {
  const number = (flag: string) => {
    const { status, stdout } = spawnSync('id', [flag, name], { encoding: 'utf8' });
    return status === 0 ? Number.parseInt(stdout, 10) : Number.NaN;
  };
  const [uid, gid] = [number('-u'), number('-g')];
  return Number.isNaN(uid) || Number.isNaN(gid) ? null : { uid, gid };
}

/** Throws a `Fail` where we are root and such a user neither exists nor can be made. */
export function serverUser(): ServerUser {
  if (process.getuid?.() !== 0) return null;
  const found = idsOf(NAME);
  if (found !== null) return found;
  const made = spawnSync(
    'useradd',
    [
      '--system',
      '--user-group',
      '--no-create-home',
      '--home-dir',
      '/nonexistent',
      '--shell',
      '/usr/sbin/nologin',
      NAME,
    ],
    {
      encoding: 'utf8',
    },
  );
  const now = idsOf(NAME);
  if (now === null)
    throw failed(
      'no_postgres_user',
      `Postgres does not run as root, and a user "${NAME}" could not be made: ${made.error?.message ?? made.stderr.trim()}`,
      {
        next: `useradd --system ${NAME}    (or start as another user than root, or set DATABASE_URL)`,
      },
    );
  return now;
}

/** Whether `user` may walk into `folder`: the execute bit of every folder on the way. Ours is taken for granted. A folder that is not there yet is judged by its parents. */
export function mayEnter(folder: string, user: ServerUser): boolean {
  if (user === null) return true;
  for (let at = folder; ; at = dirname(at)) {
    try {
      const { mode, uid, gid } = statSync(at);
      const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
      if ((mode & bit) === 0) return false;
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    if (at === dirname(at)) return true;
  }
}
