import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { failed } from '../../fail.ts';
import type { Passwords } from '../identity.ts';
import { binaries, SYSTEM_FOLDER } from './binaries.ts';
import { DATABASE, startCluster } from './cluster.ts';
import { type DatabaseWatcher, keepCluster } from './keep.ts';
import { mayEnter, type ServerUser, serverUser } from './user.ts';

export type Database = {
  url(role: 'migrator' | 'orchestrator' | 'runner' | 'redactor'): string;
  /** For people: where it is. */
  said: string;
  /** Watches over it until it is stopped; somebody else's is not watched. */
  keep(watcher: DatabaseWatcher): void;
  stop(): Promise<void>;
};

/** Where the embedded database lies: in the data folder, or, where Postgres's user cannot enter that, in a folder of the system's named by it. Written down once. */
export function placeOf(data: string, user: ServerUser): string {
  const note = join(data, 'database.json');
  if (existsSync(note)) {
    const value: unknown = JSON.parse(readFileSync(note, 'utf8'));
    if (typeof value === 'object' && value !== null && 'folder' in value && typeof value.folder === 'string')
      return value.folder;
    throw failed('bad_note', `${note} does not say where the database is`, {
      next: 'restore it, or start on another data folder: --data DIR',
    });
  }
  const inside = join(data, 'postgres');
  const outside = join(SYSTEM_FOLDER, createHash('sha256').update(data).digest('hex').slice(0, 16));
  const folder = mayEnter(data, user) ? inside : outside;
  if (folder === outside) mkdirSync(SYSTEM_FOLDER, { recursive: true, mode: 0o755 });
  writeFileSync(note, `${JSON.stringify({ folder })}\n`, { mode: 0o600 });
  return folder;
}

/** Starts or adopts the data folder's own Postgres. */
export async function embeddedDatabase(data: string, passwords: Passwords): Promise<Database> {
  const user = serverUser();
  const folder = placeOf(data, user);
  const options = { bin: binaries(user), user, folder, passwords };
  const cluster = await startCluster(options);
  const host = cluster.socketFolder === null ? '127.0.0.1' : encodeURIComponent(cluster.socketFolder);
  let kept: { stop(): Promise<void> } | null = null;
  return {
    url: (role) => `postgres://${role}:${passwords[role]}@${host}:${cluster.port}/${DATABASE}`,
    said: `port ${cluster.port}, ${folder}${cluster.adopted ? ' (was still running: adopted)' : ''}`,
    keep: (watcher) => {
      kept = keepCluster(options, cluster.port, watcher);
    },
    stop: async () => {
      await kept?.stop();
      cluster.stop();
    },
  };
}

/** A Postgres of somebody else's: `DATABASE_URL` is its migrator; the application's roles get passwords of ours, and nothing is stopped. */
export function externalDatabase(address: string, passwords: Passwords): Database {
  if (!URL.canParse(address) || !/^postgres(ql)?:$/.test(new URL(address).protocol))
    throw failed('bad_database_url', 'DATABASE_URL is no postgres:// address', {
      next: 'unset it for the embedded Postgres',
    });
  const given = new URL(address);
  return {
    url: (role) => {
      if (role === 'migrator') return given.href;
      const url = new URL(given);
      url.username = role;
      url.password = passwords[role];
      return url.href;
    },
    said: `DATABASE_URL at ${given.host}`,
    keep: () => undefined,
    stop: async () => undefined,
  };
}
