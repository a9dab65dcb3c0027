import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BASE } from '@millwright/api';
import { migrateQueue } from '@millwright/queue';
import { type OwnPostgres, ownPostgres } from '@millwright/store/testing';
import { type Row, spreadOf, timed } from '../row.ts';
import { fill, START } from './long.ts';

// Pages of `GET /trail` on a trail of a million entries: 20,000 closed runs, on a Postgres of their own.
// The orchestrator is the real one, in a process of its own, after it has read and sealed them all.

const ROOT = join(import.meta.dirname, '..', '..');
const TOKEN = 'token-of-the-bench-0123456789';
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

type Ask = <T>(path: string) => Promise<T>;

/** Asks once a second, until `holds`; what does not answer yet does not hold. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds().catch(() => false))) await sleep(1_000);
}

const queries = (last: number): [name: string, query: string][] => [
  ['from the start', 'since=0'],
  ['from the middle', `since=${last >> 1}`],
  ['from near the end', `since=${last - 500}`],
  ['newest first', 'order=newest'],
  ['of one run', 'run=run_0000000000000003'],
  ['of one repository, from the middle', `repo=shop3&since=${last >> 1}`],
  ['of one actor, from the middle', `actor=agent/review&since=${last >> 1}`],
  ['of one type, newest first', 'type=run.closed&order=newest'],
  ['of a time in the middle', `from=${START + (last >> 1) * 1_000}`],
  [
    'of repository, actor, type and time',
    `repo=shop3&actor=factory&type=run&from=${START + (last >> 1) * 1_000}`,
  ],
  ['that nothing is on', 'type=turn.recorded&actor=factory'],
];

async function measured(ask: Ask, entries: number, times: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [name, query] of queries(entries)) {
    const took = await timed(times, 3, () => ask(`/trail?limit=100&${query}`));
    rows.push({
      what: `trail: 100 lines ${name}, of ${entries.toLocaleString('en-US')} entries`,
      unit: 'ms',
      ours: spreadOf(took),
    });
  }
  return rows;
}

export async function pages(_: unknown, quick: boolean): Promise<Row[]> {
  const own = await ownPostgres();
  try {
    await migrateQueue(own.url.migrator);
    return await ofOrchestrator(own, quick);
  } finally {
    await own.close();
  }
}

async function ofOrchestrator(own: OwnPostgres, quick: boolean): Promise<Row[]> {
  const runs = quick ? 100 : 20_000;
  await fill(own.url.postgres, runs);
  const data = mkdtempSync(join(tmpdir(), 'millwright-pages-'));
  const port = await freePort();
  const env = {
    PATH: process.env.PATH,
    DATABASE_URL: own.url.orchestrator,
    QUEUE_URL: own.url.orchestrator,
    MILLWRIGHT_DATA: data,
    MILLWRIGHT_FACTORY: 'fac_bench',
    MILLWRIGHT_ADMIN_TOKEN_HASH: createHash('sha256').update(TOKEN).digest('hex'),
    MILLWRIGHT_SANDBOX_IMAGE: 'none',
    MILLWRIGHT_LOG_LEVEL: 'error',
    PORT: String(port),
  };
  const child: ChildProcess = spawn(process.execPath, [join(ROOT, 'apps/orchestrator/src/main.ts')], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    const ask: Ask = async (path) => {
      const answer = await fetch(`http://127.0.0.1:${port}${BASE}${path}`, {
        headers: { authorization: `Bearer ${TOKEN}` },
      });
      return answer.json() as never;
    };
    await until(async () => (await ask<{ size: number }>('/trail/checkpoint')).size >= runs * 50);
    return await measured(ask, runs * 50, quick ? 5 : 50);
  } finally {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    rmSync(data, { recursive: true, force: true });
  }
}
