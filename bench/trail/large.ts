import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openTrail } from '@millwright/audit';
import { type Actor, putJson, streamOf, Ticket } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { openStore } from '@millwright/store';
import { type OwnPostgres, ownPostgres } from '@millwright/store/testing';
import { processesOf } from '../factory/memory.ts';
import { clock, newAttempt, newRun } from '../programs/clock.ts';
import { type Row, single, spreadOf, timed } from '../row.ts';
import { stageOpened } from './entries.ts';
import { fill } from './long.ts';
import { type Ask, onOrchestrator, until } from './orchestrator-process.ts';

// What an orchestrator costs on a trail of a million entries, 20,000 closed runs, beside the same on an empty one, each on a Postgres of its own.

/** A page of a hundred; the small trail has these besides. */
const PAGES = [
  ['runs', '/runs?limit=100'],
  ['lines of the trail', '/trail?limit=100&order=newest'],
] as const;
/** Of a small trail. */
const FEW = 100;

/** Processor time that a process has used. Milliseconds. */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  // In ticks of a hundredth of a second, as Linux has it.
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

type Seen = { readyMs: number; mb: number; idleMs: number; pages: Map<string, number>; shown: number[] };

/** Of an orchestrator that has read all there is before, and starts again; the middle one of three starts. */
async function look(own: OwnPostgres, runs: number, quick: boolean): Promise<Seen> {
  const all = async (ask: Ask) =>
    until(async () => (await ask<{ size: number }>('/trail/checkpoint')).size >= runs * 50);
  await onOrchestrator(own, async (ask) => {
    await all(ask);
    await until(async () => (await ask<unknown[]>('/runs?limit=1')).length === Math.min(runs, 1));
  });
  const starts: number[] = [];
  for (let nth = 0; nth < 2; nth += 1)
    starts.push(await onOrchestrator(own, async (_ask, { readyMs }) => readyMs));
  return onOrchestrator(own, async (ask, { pid, readyMs }) => {
    const pages = new Map<string, number>();
    for (const [name, path] of PAGES)
      pages.set(name, spreadOf(await timed(quick ? 5 : 50, 3, () => ask(path))).p50);
    await sleep(5_000);
    const idleFor = quick ? 2_000 : 20_000;
    const before = processorMs(pid);
    await sleep(idleFor);
    const idleMs = ((processorMs(pid) - before) * 1_000) / idleFor;
    const mb = processesOf(pid, `no folder of ${pid}`).reduce((sum, one) => sum + one.mb, 0);
    const shown = await timed(quick ? 5 : 100, 3, await appender(own, ask));
    return { readyMs: spreadOf([...starts, readyMs]).p50, mb, idleMs, pages, shown };
  });
}

/** Appends an entry as an orchestrator does, and asks until it can be read. */
async function appender(own: OwnPostgres, ask: Ask): Promise<() => Promise<void>> {
  const trail = openTrail({ url: own.url.orchestrator, clock });
  const attempt = newAttempt();
  return async () => {
    const stream = streamOf.run(newRun());
    const entries = [stageOpened(attempt, 1)];
    const done = await trail.append({ stream, expectedVersion: 0, actor: 'orchestrator' as Actor, entries });
    if (done.kind !== 'appended') throw new Error(`an append was not taken: ${done.kind}`);
    await until(async () => {
      const [newest] = await ask<{ stream: string }[]>('/trail?limit=1&order=newest');
      return newest?.stream === stream;
    }, 1);
  };
}

async function on<R>(runs: number, work: (own: OwnPostgres) => Promise<R>): Promise<R> {
  const own = await ownPostgres();
  try {
    await migrateQueue(own.url.migrator);
    const store = openStore({ url: own.url.orchestrator });
    const ticket = await putJson(store.artifacts, Ticket, Ticket.parse({ title: 'A change' }));
    await store.close();
    await fill(own.url.postgres, runs, ticket);
    return await work(own);
  } finally {
    await own.close();
  }
}

export async function large(_: unknown, quick: boolean): Promise<Row[]> {
  const runs = quick ? 400 : 20_000;
  const few = await on(FEW, (own) => look(own, FEW, quick));
  const none = await on(0, (own) => look(own, 0, quick));
  const many = await on(runs, (own) => look(own, runs, quick));
  const entries = (runs * 50).toLocaleString('en-US');
  const times = (what: string, big: number, small: number, unit: string, aim: number): Row => ({
    what: `${what}, at ${entries} entries`,
    ...{ unit: '×', ours: single(big / small), aim },
    note: `${big.toFixed(1)} ${unit} against ${small.toFixed(1)} ${unit}.`,
  });
  return [
    times('start to ready against an empty trail', many.readyMs, none.readyMs, 'ms', 1.5),
    times('memory against an empty trail', many.mb, none.mb, 'MB', 1.2),
    times('processor time of an idle second against no run', many.idleMs, none.idleMs, 'ms', 1.2),
    ...PAGES.map(([name]) =>
      times(
        `a page of 100 ${name} against a small trail's`,
        many.pages.get(name) ?? 0,
        few.pages.get(name) ?? 0,
        'ms',
        2,
      ),
    ),
    { what: `appended to readable, at ${entries} entries`, unit: 'ms', ours: spreadOf(many.shown) },
  ];
}
