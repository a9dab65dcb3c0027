import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { answering, freePort, initialise, prepare, unprivileged } from './server.ts';

// One real Postgres a test run, started by the first test file that asks, shared by all, and gone within half a second of the
// run's end, whatever ended it: a small shell watches the run's process and needs no teardown of ours.

export const TEMPLATE = 'millwright_template';

export type Cluster = { port: number };

/** The process of the test run: workers are forked from it, or are its threads. */
const owner = isMainThread ? process.ppid : process.pid;

const WATCH = `
"$1" -D "$2/data" -k "" -c listen_addresses=127.0.0.1 -p "$3" -c max_connections=300 -c shared_buffers=64MB \
  -c fsync=off -c full_page_writes=off -c scram_iterations=1 >"$2/log" 2>&1 &
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

async function start(folder: string): Promise<Cluster> {
  const user = unprivileged();
  const program = initialise(folder, user);
  const port = await freePort();
  spawn('sh', ['-c', WATCH, 'sh', program, folder, String(port), String(owner)], {
    ...user,
    cwd: folder,
    detached: true,
    stdio: 'ignore',
  }).unref();
  await answering(port, join(folder, 'log'));
  await prepare(port, TEMPLATE);
  return { port };
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
