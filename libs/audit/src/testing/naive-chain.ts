// The chain that the trail is measured beside (bench/): every writer takes one lock, reads the last hash, hashes, inserts, commits. A
// program, so that its client and the trail's do not share a process.
// argv: url of a superuser; `chain` APPENDS TIMES (appends in series, by one writer) or `writers` WRITERS MS CONNECTIONS.

import { createHash, randomBytes } from 'node:crypto';
import { socketHost } from '@millwright/domain';
import postgres from 'postgres';

const [url = '', mode = '', first = '1', second = '1', connections = '1'] = process.argv.slice(2);
const sql = postgres(url, { ...socketHost(url), max: Number(connections), onnotice: () => undefined });
await sql`create table if not exists naive (position bigserial primary key, hash bytea not null, payload bytea not null)`;
await sql`truncate naive`;
const payload = randomBytes(300);

const append = () =>
  sql.begin(async (own) => {
    await own`select pg_advisory_xact_lock(424242)`;
    const [last] = await own<{ hash: Buffer }[]>`select hash from naive order by position desc limit 1`;
    const hash = createHash('sha256')
      .update(last?.hash ?? '')
      .update(payload)
      .digest();
    await own`insert into naive (hash, payload) values (${hash}, ${payload})`;
  });

function spread(values: number[]) {
  const sorted = values.sort((a, b) => a - b);
  const at = (q: number) => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
  return { p50: at(0.5), p99: at(0.99), n: sorted.length };
}

async function chain(appends: number, times: number) {
  const took: number[] = [];
  for (let nth = -3; nth < times; nth += 1) {
    const from = performance.now();
    for (let left = appends; left > 0; left -= 1) await append();
    if (nth >= 0) took.push(performance.now() - from);
  }
  return { chain: spread(took) };
}

async function writers(count: number, ms: number) {
  await append();
  const took: number[] = [];
  const from = performance.now();
  const write = async () => {
    while (performance.now() - from < ms) {
      const start = performance.now();
      await append();
      took.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: count }, write));
  return { perSecond: (took.length * 1_000) / (performance.now() - from), latency: spread(took) };
}

const result =
  mode === 'chain'
    ? await chain(Number(first), Number(second))
    : await writers(Number(first), Number(second));
await sql`drop table naive`;
await sql.end();
process.stdout.write(`${JSON.stringify(result)}\n`);
