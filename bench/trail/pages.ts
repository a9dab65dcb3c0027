import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OwnPostgres } from '@millwright/store/testing';
import postgres from 'postgres';
import { type Row, spreadOf, timed } from '../row.ts';

// Pages of `GET /trail` on a trail of a million entries: 20,000 closed runs of ten repositories, with an attempt of 46 turns each, written by SQL.
// The orchestrator is the real one, in a process of its own, after it has read and sealed them all.

const ROOT = join(import.meta.dirname, '..', '..');
const TOKEN = 'token-of-the-bench-0123456789';
const START = 1_790_000_000_000;
const ZERO = `sha256:${'0'.repeat(64)}`;
const SHA = '0'.repeat(40);
const NO_USAGE = '{"cacheReadTokens":0,"cacheWriteTokens":0,"inputTokens":0,"outputTokens":0,"usd":0}';

const told = (runs: number): string => `
  create temp table told as
  select r * 50 + k as position, r % 10 as repo,
    case when k in (1, 50) then 'run/run_' || id else 'attempt/att_' || id end as stream,
    case k when 1 then 1 when 50 then 2 else k - 1 end as version,
    case k when 1 then 'run.opened' when 2 then 'attempt.opened' when 49 then 'attempt.closed' when 50 then 'run.closed' else 'turn.recorded' end as type,
    case when k = 49 then 'runner/bench' when k between 3 and 48 then 'agent/' || (array['plan', 'implement', 'review', 'test', 'deploy'])[1 + r % 5] else 'orchestrator' end as actor,
    ${START}::bigint + (r * 50 + k) * 1000 as at, decode(md5((r * 50 + k)::text), 'hex') as salt,
    convert_to(case k
      when 1 then format('{"author":"per_00000000admin","base":{"commit":"${SHA}","tree":"${SHA}"},"config":"${ZERO}","deploys":false,"expiresAt":1,"limits":{"attempts":1,"rebases":1,"reworks":1,"tasks":1},"repo":"shop%s","run":"run_%s","step":6,"ticket":"tkt_%s","ticketDigest":"${ZERO}"}', r % 10, id, id)
      when 2 then format('{"attempt":"att_%s","deadline":1,"role":"plan","run":"run_%s","spec":"${ZERO}"}', id, id)
      when 49 then '{"outcome":{"kind":"cancelled","reason":""}}'
      when 50 then '{"end":"done","reason":"","streams":{},"usage":${NO_USAGE}}'
      else format('{"action":"bash npm test","model":"none","record":"${ZERO}","turn":%s,"usage":${NO_USAGE},"workspace":null}', k - 2) end, 'UTF8') as bytes
  from (select r, lpad(r::text, 16, '0') as id from generate_series(0, ${runs - 1}) r) runs cross join generate_series(1, 50) k`;

async function fill(url: string, runs: number): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    await sql.unsafe(told(runs));
    await sql.unsafe(`insert into millwright.entries (position, stream, version, type, actor, at, payload_digest)
      select position, stream, version, type, actor, at, sha256(salt || bytes) from told order by position`);
    await sql.unsafe(
      'insert into millwright.payloads (position, salt, bytes) select position, salt, bytes from told order by position',
    );
    await sql.unsafe('analyze millwright.entries');
    await sql.unsafe('analyze millwright.payloads');
  } finally {
    await sql.end();
  }
}

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

export async function pages(own: OwnPostgres, quick: boolean): Promise<Row[]> {
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
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
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
