import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { socketHost } from '@millwright/domain';
import postgres from 'postgres';
import { type Row, single } from '../row.ts';
import { attempts } from './account.ts';
import { fixes, ticketOf } from './conversations.ts';
import { promoted } from './run.ts';
import { type Running, startUp } from './up.ts';

/** Of which the first meets nothing that is known; the others are measured. */
const TICKETS = 3;
const TICKET_MS = 600_000;
const MIB = 1_048_576;

type Taken = {
  /** All attempts of a ticket together, and the first one's, in milliseconds. */
  ms: number;
  plan: number;
  /** What the database's artifacts took more of afterwards, and the runner's checkouts, in bytes. */
  stored: number;
  unpacked: number;
};

/** The same small tickets in small and in large trees: what their attempts take, up to the merge. */
export async function trees(_postgres: unknown, quick: boolean): Promise<Row[]> {
  const sizes = quick ? [100, 4_000] : [1_000, 10_000, 50_000];
  const taken = new Map<number, { first: Taken; later: Taken }>();
  for (const files of sizes) taken.set(files, await ticketsOn(files, quick ? 2 : TICKETS));
  const of = (files: number | undefined) => taken.get(files ?? Number.NaN);
  const [small, large] = [of(sizes[0]), of(sizes.at(-1))];
  if (small === undefined || large === undefined) throw new Error('nothing was measured');
  const said = (one: Taken) =>
    `${(one.ms / 1_000).toFixed(1)} s (plan ${(one.plan / 1_000).toFixed(1)}), ${(one.stored / MIB).toFixed(2)} MiB stored, ${(one.unpacked / MIB).toFixed(1)} MiB unpacked`;
  const all = [...taken].map(
    ([files, { first, later }]) => `${files} files: ${said(later)}; the first ticket ${said(first)}`,
  );
  const ratio = (what: string, by: keyof Taken, aim: number, note?: string): Row => ({
    what: `a ticket’s attempts on ${sizes.at(-1)} files against ${sizes[0]}: ${what}`,
    ...{ unit: '×', ours: single(large.later[by] / small.later[by]), aim },
    ...(note === undefined ? {} : { note }),
  });
  return [
    ratio('time', 'ms', 1.5, `p50 of the tickets after the first. ${all.join('. ')}.`),
    ratio('stored', 'stored', 1.1),
  ];
}

async function ticketsOn(files: number, tickets: number): Promise<{ first: Taken; later: Taken }> {
  const running = await startUp({ conversations: fixes(tickets), files, deploys: false });
  const url = running.database();
  const sql = postgres(url, { ...socketHost(url), max: 1 });
  try {
    const each: Taken[] = [];
    for (let nth = 1; nth <= tickets; nth += 1) {
      const before = await stored(sql);
      const was = unpacked(running);
      const { lines } = await promoted(running, ticketOf(nth), TICKET_MS);
      const times = attempts(lines);
      each.push({
        ms: times.reduce((sum, one) => sum + one.ms, 0),
        plan: times.find(({ role }) => role === 'plan')?.ms ?? Number.NaN,
        stored: (await stored(sql)) - before,
        unpacked: unpacked(running) - was,
      });
    }
    const [first, ...later] = each;
    const [middle] = later.sort((a, b) => a.ms - b.ms).slice(Math.floor((later.length - 1) / 2));
    if (first === undefined || middle === undefined) throw new Error('too few tickets');
    return { first, later: middle };
  } finally {
    await sql.end();
    await running.stop();
  }
}

async function stored(sql: postgres.Sql): Promise<number> {
  const [row] = await sql<[{ bytes: string }]>`
    select pg_total_relation_size('millwright.artifact_chunks') as bytes`;
  return Number(row.bytes);
}

/** What the runner keeps of sources and trees, on its disk. */
const unpacked = ({ data }: Running): number => {
  const folders = ['checkouts', 'sources'].map((name) => join(data, 'runner', name));
  const lines = execFileSync('du', ['-sk', ...folders], { encoding: 'utf8' })
    .trim()
    .split('\n');
  return lines.reduce((sum, line) => sum + Number.parseInt(line, 10) * 1_024, 0);
};
