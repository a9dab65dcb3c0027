import { setTimeout as sleep } from 'node:timers/promises';
import { type Row, single } from '../row.ts';
import { processesOf } from './memory.ts';
import { startUp } from './up.ts';

const IDLE_MS = 12_000;

/** What an embedded factory takes while nothing is to do: `up`, orchestrator, runner and all of Postgres. */
export async function idle(_postgres: unknown, quick: boolean): Promise<Row[]> {
  const running = await startUp(null);
  try {
    await sleep(quick ? 5_000 : IDLE_MS);
    const all = processesOf(running.pid, running.data);
    const mb = all.reduce((sum, one) => sum + one.mb, 0);
    const part = (name: string, what: RegExp) =>
      `${name} ${all
        .filter(({ command }) => what.test(command))
        .reduce((sum, one) => sum + one.mb, 0)
        .toFixed(0)}`;
    const parts = [
      part('up', /cli\/src\/main/),
      part('orchestrator', /orchestrator\/src\/main/),
      part('runner', /sandbox-runner\/src\/main/),
      part('Postgres', /postgres(?!.*main\.ts)/),
    ];
    return [
      {
        what: 'idle embedded factory with Postgres',
        ...{ unit: 'MB', ours: single(mb), aim: 250 },
        note: `PSS summed over ${all.length} processes after ${(quick ? 5_000 : IDLE_MS) / 1_000} s: ${parts.join(', ')} MB.`,
      },
    ];
  } finally {
    await running.stop();
  }
}
