import { migrateQueue } from '@millwright/queue';
import { type OwnPostgres, ownPostgres } from '@millwright/store/testing';
import { type Row, spreadOf, timed } from '../row.ts';
import { fill, START } from './long.ts';
import { type Ask, onOrchestrator, until } from './orchestrator-process.ts';

// Pages of `GET /trail` on a trail of a million entries: 20,000 closed runs, on a Postgres of their own.
// The orchestrator is the real one, in a process of its own, after it has read and sealed them all.

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
  return onOrchestrator(own, async (ask) => {
    await until(async () => (await ask<{ size: number }>('/trail/checkpoint')).size >= runs * 50);
    return measured(ask, runs * 50, quick ? 5 : 50);
  });
}
