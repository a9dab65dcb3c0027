import { socketHost } from '@millwright/domain';
import postgres from 'postgres';

// A long trail, written by SQL: closed runs of ten repositories, each with an attempt of 46 turns, 50 entries in all, a second apart.

/** When the first entry was, in milliseconds since the epoch. */
export const START = 1_790_000_000_000;
const ZERO = `sha256:${'0'.repeat(64)}`;
const SHA = '0'.repeat(40);
const NO_USAGE = '{"cacheReadTokens":0,"cacheWriteTokens":0,"inputTokens":0,"outputTokens":0,"usd":0}';

const told = (runs: number, ticket: string): string => `
  create temp table told as
  select r * 50 + k as position, r % 10 as repo,
    case when k in (1, 50) then 'run/run_' || id else 'attempt/att_' || id end as stream,
    case k when 1 then 1 when 50 then 2 else k - 1 end as version,
    case k when 1 then 'run.opened' when 2 then 'attempt.opened' when 49 then 'attempt.closed' when 50 then 'run.closed' else 'turn.recorded' end as type,
    case when k = 49 then 'runner/bench' when k between 3 and 48 then 'agent/' || (array['plan', 'implement', 'review', 'test', 'deploy'])[1 + r % 5] else 'orchestrator' end as actor,
    ${START}::bigint + (r * 50 + k) * 1000 as at, decode(md5((r * 50 + k)::text), 'hex') as salt,
    convert_to(case k
      when 1 then format('{"author":"per_00000000admin","base":{"commit":"${SHA}","tree":"${SHA}"},"config":"${ZERO}","deploys":false,"expiresAt":1,"limits":{"attempts":1,"rebases":1,"reworks":1,"tasks":1},"repo":"shop%s","run":"run_%s","step":6,"ticket":"tkt_%s","ticketDigest":"${ticket}"}', r % 10, id, id)
      when 2 then format('{"attempt":"att_%s","deadline":1,"role":"plan","run":"run_%s","spec":"${ZERO}"}', id, id)
      when 49 then '{"outcome":{"kind":"cancelled","reason":""}}'
      when 50 then '{"end":"done","reason":"","streams":{},"usage":${NO_USAGE}}'
      else format('{"action":"bash npm test","model":"none","record":"${ZERO}","turn":%s,"usage":${NO_USAGE},"workspace":null}', k - 2) end, 'UTF8') as bytes
  from (select r, lpad(r::text, 16, '0') as id from generate_series(0, ${runs - 1}) r) runs cross join generate_series(1, 50) k`;

/** Fills an empty database with `runs` of them, all of the ticket with this digest. */
export async function fill(url: string, runs: number, ticket = ZERO): Promise<void> {
  const sql = postgres(url, { ...socketHost(url), max: 1, onnotice: () => undefined });
  try {
    await sql.unsafe(told(runs, ticket));
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
