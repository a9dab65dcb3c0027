import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSealer, openTrail } from '@millwright/audit';
import { type Actor, streamOf } from '@millwright/domain';
import type { OwnPostgres } from '@millwright/store/testing';
import { clock, newAttempt, newRun } from '../programs/clock.ts';
import { measured } from '../programs/line.ts';
import { type Row, type Spread, single, spreadOf } from '../row.ts';
import { stageOpened } from './entries.ts';
import { NAIVE } from './stages.ts';

// Durable appends by many writers at once: the trail (group commit), sealed meanwhile by the writers' own process, as an orchestrator does;
// beside a naive chain where each writer locks, reads the head, hashes and inserts in a transaction of its own.

/** As many as a server with 100 connections lets in, beside our own. Each of the naive chain's writers has one, or waits for one. */
const CONNECTIONS = 80;

type Rate = { perSecond: number; latency: Spread };

async function ours(
  url: string,
  keyFolder: string,
  writers: number,
  ms: number,
): Promise<Rate & { behind: number }> {
  const trail = openTrail({ url, clock });
  const sealer = await openSealer({ url, keyFolder, origin: 'bench/appends', clock });
  const attempt = newAttempt();
  const sealed = async () => {
    const answer = await sealer.sealed(await trail.head(), { timeoutMs: 60_000 });
    if (answer !== 'sealed') throw new Error(`not sealed in a minute: ${JSON.stringify(sealer.state())}`);
  };
  try {
    await sealer.start();
    await sealed();
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
    const until = performance.now();
    await sealed();
    return {
      perSecond: (took.length * 1_000) / (until - from),
      latency: spreadOf(took),
      behind: performance.now() - until,
    };
  } finally {
    await sealer.stop();
    await trail.close();
  }
}

export async function appends(postgres: OwnPostgres, quick: boolean): Promise<Row[]> {
  const keyFolder = await mkdtemp(join(tmpdir(), 'millwright-bench-key-'));
  try {
    return await beside(postgres, keyFolder, quick ? 500 : 4_000);
  } finally {
    await rm(keyFolder, { recursive: true });
  }
}

async function beside(postgres: OwnPostgres, keyFolder: string, ms: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const writers of [1, 16, 512]) {
    const own = await ours(postgres.url.orchestrator, keyFolder, writers, ms);
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
          ? {
              aim: 40_000,
              note: `the naive chain's writers share ${CONNECTIONS} connections, the trail's appends one. All are under a signed checkpoint ${own.behind.toFixed(0)} ms after the last append.`,
            }
          : {}),
      },
      {
        what: `one append, ${who}`,
        ...{ unit: 'ms', ours: own.latency, peer: { name, spread: naive.latency } },
        ...(writers === 1 ? { aim: 0.5 } : {}),
        ...(writers === 512 ? { note: 'the aim of the issue is a p99 of at most 25 ms.' } : {}),
      },
    );
  }
  return rows;
}
