import { openTrail } from '@millwright/audit';
import { type Actor, streamOf } from '@millwright/domain';
import type { OwnPostgres } from '@millwright/store/testing';
import { clock, newAttempt, newRun } from '../programs/clock.ts';
import { measured } from '../programs/line.ts';
import { type Row, type Spread, single, spreadOf } from '../row.ts';
import { stageOpened } from './entries.ts';
import { NAIVE } from './stages.ts';

// Durable appends by many writers at once: the trail (group commit), beside a naive chain where each writer locks, reads the head,
// hashes and inserts in a transaction of its own.

/** As many as a server with 100 connections lets in, beside our own. Each of the naive chain's writers has one, or waits for one. */
const CONNECTIONS = 80;

type Rate = { perSecond: number; latency: Spread };

async function ours(url: string, writers: number, ms: number): Promise<Rate> {
  const trail = openTrail({ url, clock });
  const attempt = newAttempt();
  try {
    await trail.head();
    const took: number[] = [];
    const from = performance.now();
    const write = async () => {
      const stream = streamOf.run(newRun());
      for (let version = 0; performance.now() - from < ms; version += 1) {
        const start = performance.now();
        const entries = [stageOpened(attempt, 1)];
        const result = await trail.append({
          stream,
          expectedVersion: version,
          actor: 'orchestrator' as Actor,
          entries,
        });
        if (result.kind !== 'appended') throw new Error(`an append was not taken: ${result.kind}`);
        took.push(performance.now() - start);
      }
    };
    await Promise.all(Array.from({ length: writers }, write));
    return { perSecond: (took.length * 1_000) / (performance.now() - from), latency: spreadOf(took) };
  } finally {
    await trail.close();
  }
}

export async function appends(postgres: OwnPostgres, quick: boolean): Promise<Row[]> {
  const ms = quick ? 500 : 4_000;
  const rows: Row[] = [];
  for (const writers of [1, 16, 512]) {
    const own = await ours(postgres.url.orchestrator, writers, ms);
    const args = [
      postgres.url.postgres,
      'writers',
      String(writers),
      String(ms),
      String(Math.min(writers, CONNECTIONS)),
    ];
    const naive = await measured<Rate>(NAIVE, args, ms + 60_000);
    const name = 'naive lock-read-insert hash chain';
    const who = writers === 1 ? 'one writer' : `${writers} writers`;
    rows.push(
      {
        what: `durable appends, ${who}`,
        ...{ unit: '/s', ours: single(own.perSecond), peer: { name, spread: single(naive.perSecond) } },
        ...(writers === 512
          ? { note: `the naive chain's writers share ${CONNECTIONS} connections, the trail's appends one.` }
          : {}),
      },
      {
        what: `one append, ${who}`,
        ...{ unit: 'ms', ours: own.latency, peer: { name, spread: naive.latency } },
      },
    );
  }
  return rows;
}
