import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { codeOf, failed, messageOf } from '../../fail.ts';
import { tail } from '../logs.ts';
import { freePort, listensOn } from '../port.ts';
import type { Binaries } from './binaries.ts';
import { settings } from './settings.ts';
import type { ServerUser } from './user.ts';

export const DATABASE = 'millwright';

export type ClusterOptions = {
  bin: Binaries;
  user: ServerUser;
  /** Holds `data` and `log`; made if absent. */
  folder: string;
  passwords: { postgres: string; migrator: string };
  /** The port to listen on; a free one if absent. */
  port?: number;
};

export type Cluster = {
  port: number;
  /** The folder of its Unix socket, which is named by the port; null: it has none. */
  socketFolder: string | null;
  /** Whether it ran already: `up` was killed, Postgres lived on. */
  adopted: boolean;
  stop(): void;
};

const LOG_BYTES = 5 * 1024 ** 2;
const INIT_MS = 120_000;
const START_S = 60;
const STOP_S = 30;

type Ran = { ok: boolean; output: string };

/** Runs one of Postgres's programs as its user, with an environment that holds nothing of ours. */
function run(options: ClusterOptions, program: string, args: string[], timeout: number, input?: string): Ran {
  const result = spawnSync(program, args, {
    ...(options.user ?? {}),
    cwd: options.folder,
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
    encoding: 'utf8',
    timeout,
    ...(input === undefined ? {} : { input }),
    // pg_ctl's server inherits them; a pipe kept open by it would keep spawnSync waiting.
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  return {
    ok: result.status === 0,
    output: `${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`.trim(),
  };
}

const own = (path: string, user: ServerUser, mode: number) => {
  if (user !== null) chownSync(path, user.uid, user.gid);
  chmodSync(path, mode);
};

/** SQL of the first start, run by the server in single-user mode, before it listens to anybody: a statement a line, as that mode reads them. */
const firstSql = (
  password: string,
): string => `CREATE ROLE migrator LOGIN NOSUPERUSER NOCREATEDB NOREPLICATION NOBYPASSRLS CREATEROLE PASSWORD '${password}'
CREATE DATABASE ${DATABASE} OWNER migrator ENCODING 'UTF8' TEMPLATE template0
REVOKE ALL ON DATABASE ${DATABASE} FROM PUBLIC
GRANT CONNECT ON DATABASE ${DATABASE} TO PUBLIC
`;

/** Makes the cluster, aside and renamed when whole: a first start that was cut short begins anew. */
function initialise(options: ClusterOptions): void {
  const { bin, user, folder, passwords } = options;
  const aside = join(folder, 'data.new');
  const passwordFile = join(folder, 'password');
  rmSync(aside, { recursive: true, force: true });
  try {
    writeFileSync(passwordFile, passwords.postgres, { mode: 0o600 });
    own(passwordFile, user, 0o600);
    const made = run(
      options,
      bin.initdb,
      [
        '-D',
        aside,
        '-U',
        'postgres',
        '--auth=scram-sha-256',
        `--pwfile=${passwordFile}`,
        '-E',
        'UTF8',
        '--locale=C',
        '--no-instructions',
        // The same promise in one system call instead of one a file: 0.8 s of initdb instead of 2.2 (measured).
        ...(process.platform === 'linux' ? ['--sync-method=syncfs'] : []),
      ],
      INIT_MS,
    );
    if (!made.ok)
      throw failed('initdb', `Postgres could not make its database in ${folder}: ${made.output}`, {
        next: 'check the free space and who owns that folder, then start again',
      });
    appendFileSync(join(aside, 'postgresql.conf'), "\ninclude 'millwright.conf'\n");
    writeConfiguration(aside, user, 0);
    const first = run(
      options,
      bin.postgres,
      ['--single', '-D', aside, 'postgres'],
      INIT_MS,
      firstSql(passwords.migrator),
    );
    if (!first.ok || /ERROR|FATAL|PANIC/.test(first.output))
      throw failed('initdb', `Postgres could not make the factory's role and database: ${first.output}`);
    renameSync(aside, join(folder, 'data'));
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** A socket's address is 104 bytes on macOS and 108 on Linux, its last zero included. */
const SOCKET_BYTES = 103;

/**
 * Where the server's Unix socket is: in the cluster's folder, which only the server's user may enter. A round trip over it takes half of one over
 * loopback (measured: 0.11 and 0.19 ms). Null where the address would be too long, or a character of it means something in settings or addresses.
 */
export function socketFolderIn(folder: string, port: number): string | null {
  const fits = Buffer.byteLength(join(folder, `.s.PGSQL.${port}`)) <= SOCKET_BYTES;
  return fits && /^\/[\w./+~-]*$/.test(folder) ? folder : null;
}

function writeConfiguration(data: string, user: ServerUser, port: number): void {
  const path = join(data, 'millwright.conf');
  // Port 0 is no port to Postgres; single-user mode listens nowhere, so any will do.
  writeFileSync(path, settings(port === 0 ? 5432 : port, socketFolderIn(dirname(data), port)));
  own(path, user, 0o600);
}

/** The running server's process by its own `postmaster.pid` (line 1), or null. */
export function serverPid({ folder }: Pick<ClusterOptions, 'folder'>): number | null {
  const pid = Number(postmaster(join(folder, 'data'))?.[0]);
  return isAlive(pid) ? pid : null;
}

function postmaster(data: string): string[] | null {
  try {
    return readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

type Address = Pick<Cluster, 'port' | 'socketFolder'>;

/**
 * Where the running server listens by `postmaster.pid` (port in line 4, folder of the socket in line 5), or null. A file that a killed server left
 * names a port where nobody listens.
 */
async function runningAt(data: string): Promise<Address | null> {
  const lines = postmaster(data);
  const [pid, port] = [Number(lines?.[0]), Number(lines?.[3])];
  if (!isAlive(pid) || !Number.isInteger(port) || port <= 0) return null;
  return (await listensOn(port)) ? { port, socketFolder: lines?.[4]?.trim() || null } : null;
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 1) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** Starts the data folder's Postgres, making it first where there is none, or adopts the one that runs. Throws a `Fail` with the end of the server's log. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const { bin, user, folder } = options;
  const data = join(folder, 'data');
  const log = join(folder, 'log');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  own(folder, user, 0o700);
  const stop = () => stopCluster(options);
  const running = await runningAt(data);
  if (running !== null) return { ...running, adopted: true, stop };
  if (isMissing(data)) initialise(options);
  if (existsSync(log) && statSync(log).size > LOG_BYTES) truncateSync(log);
  const port = options.port ?? (await freePort());
  writeConfiguration(data, user, port);
  const started = run(
    options,
    bin.pg_ctl,
    ['start', '-D', data, '-l', log, '-w', '-t', String(START_S), '-s'],
    (START_S + 5) * 1_000,
  );
  if (!started.ok) refuseOther(options, data);
  if (!started.ok)
    throw failed('postgres_start', `Postgres did not start: ${started.output}\n${tail(log, 12)}`, {
      kept: data,
      next: `read its log: ${log}`,
    });
  return { port, socketFolder: socketFolderIn(folder, port), adopted: false, stop };
}

/** There is none, or an empty folder in its place, as a mount that was not filled leaves it. */
function isMissing(data: string): boolean {
  try {
    return readdirSync(data).length === 0;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return true;
    throw failed('bad_data', `${data} is no folder of Postgres: ${messageOf(error)}`, {
      kept: data,
      next: 'move it aside, or start on another data folder: ./millwright up --data DIR',
    });
  }
}

/** Why a server does not start that can be told from its folder: it is of another version, or is none. */
function refuseOther({ bin, user }: ClusterOptions, data: string): void {
  const note = join(data, 'PG_VERSION');
  if (!existsSync(note))
    throw failed('bad_data', `${data} is no folder of Postgres: it has no PG_VERSION`, {
      kept: data,
      next: `if nothing in it is needed: mv ${data} ${data}.old    (else restore it from a backup)`,
    });
  const made = readFileSync(note, 'utf8').trim();
  const { stdout } = spawnSync(bin.postgres, ['--version'], { ...(user ?? {}), encoding: 'utf8' });
  const ours = /(\d+)(\.\d+)?\s*$/.exec(stdout ?? '')?.[1];
  if (ours === undefined || ours === made) return;
  throw failed(
    'other_postgres',
    `the database in ${data} was made by Postgres ${made}, and this Millwright brings Postgres ${ours}`,
    {
      kept: data,
      next: 'start the Millwright that made it, or move the database first: docs/backup.md',
    },
  );
}

function stopCluster(options: ClusterOptions): void {
  const data = join(options.folder, 'data');
  const stop = (mode: 'fast' | 'immediate') =>
    run(
      options,
      options.bin.pg_ctl,
      ['stop', '-D', data, '-m', mode, '-w', '-t', String(STOP_S), '-s'],
      (STOP_S + 5) * 1_000,
    );
  // A server that is gone already is what was wanted.
  if (stop('fast').ok || !existsSync(join(data, 'postmaster.pid'))) return;
  const harder = stop('immediate');
  if (!harder.ok && existsSync(join(data, 'postmaster.pid')))
    throw failed('postgres_stop', `Postgres did not stop: ${harder.output}`, {
      next: `stop it by hand: kill -QUIT $(head -1 ${join(data, 'postmaster.pid')})`,
    });
}
