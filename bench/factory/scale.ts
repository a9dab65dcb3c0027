import type { OwnPostgres } from '@millwright/store/testing';
import { measured } from '../programs/line.ts';
import { type Row, single, spreadOf } from '../row.ts';

// Several runners and two orchestrators on one factory, each a process, with a model that takes two seconds a turn.

const PROGRAM = `${import.meta.dirname}/../../tools/faults/measure-scale.ts`;
const MS = 14 * 60_000;

type Measured = {
  scale: { runners: number; seconds: number; orchestratorMs: number; runnersMs: number }[];
  /** Each takeover. Milliseconds. */
  took: number[];
  flushedSeconds: number;
};

export async function scale(_: OwnPostgres, quick: boolean): Promise<Row[]> {
  const [tickets, takeovers] = quick ? [8, 2] : [24, 20];
  const {
    scale: found,
    took,
    flushedSeconds,
  } = await measured<Measured>(PROGRAM, [String(tickets), String(takeovers)], MS);
  const [one] = found;
  if (one === undefined) throw new Error('nothing was measured');
  const aims: Record<number, number> = { 2: 1.8, 4: 3.5 };
  return [
    ...found.slice(1).map(
      ({ runners, seconds }): Row => ({
        what: `tickets an hour with ${runners} runners, to those with one`,
        ...{
          unit: '%' as const,
          ours: single((100 * one.seconds) / seconds),
          aim: 100 * (aims[runners] ?? 1),
        },
        note: `${tickets} tickets of eight repositories, merged, not released; runners of four places, whose model takes 2 s for its one turn of a stage: ${seconds.toFixed(0)} s against ${one.seconds.toFixed(0)} s. Processes on one machine: a ticket takes ${found.at(-1)?.orchestratorMs.toFixed(0)} ms of a core in the orchestrator (git beside it) and ${found.at(-1)?.runnersMs.toFixed(0)} ms in runners.`,
      }),
    ),
    {
      what: 'an orchestrator’s own processor time for a ticket',
      ...{ unit: 'ms', ours: spreadOf(found.map(({ orchestratorMs }) => orchestratorMs)) },
      note: 'of its process, without the git that it starts; with one, two and four runners',
    },
    {
      what: 'kill -9 of the orchestrator that works, to the other one having the factory and answering',
      ...{ unit: 'ms', ours: spreadOf(took), aim: 1_000 },
      note: 'at rest; it stood by. A canary that was under way goes back first',
    },
    {
      what: 'the same tickets while Redis is flushed every 50 ms, to those with four runners',
      ...{ unit: '%', ours: single((100 * (found.at(-1)?.seconds ?? 0)) / flushedSeconds) },
      note: `all ${tickets} are merged, in ${flushedSeconds.toFixed(0)} s. Of jobs in a flushed Redis BullMQ has none left.`,
    },
  ];
}
