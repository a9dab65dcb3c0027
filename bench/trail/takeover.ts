import { openTrail } from '@millwright/audit';
import { type Actor, streamOf } from '@millwright/domain';
import { openQueue } from '@millwright/queue';
import type { OwnPostgres } from '@millwright/store/testing';
import { clock, newAttempt, newRun } from '../programs/clock.ts';
import { startProgram } from '../programs/line.ts';
import { type Row, spreadOf } from '../row.ts';
import { attemptOpened } from './entries.ts';

// kill -9 of the runner that holds an attempt, to another runner's process having claimed it and read what was recorded of it.

const CLAIMANT = `${import.meta.dirname}/../programs/claimant.ts`;
/** As the orchestrator looks for claims of the dead, and wakes again (apps/orchestrator/src/intake/subscription.ts). Milliseconds. */
const LOOK_MS = 100;
const AGAIN_MS = 400;

export async function takeover({ url }: OwnPostgres, quick: boolean): Promise<Row[]> {
  const n = quick ? 3 : 20;
  const trail = openTrail({ url: url.orchestrator, clock });
  const queue = openQueue({ url: url.orchestrator });
  const heir = startProgram(CLAIMANT, [url.runner, 'bench-heir', 'work']);
  const woken = new Map<string, number>();
  const looking = setInterval(async () => {
    for (const { attempt } of await trail.deadClaims()) {
      if (Date.now() - (woken.get(attempt) ?? 0) < AGAIN_MS) continue;
      woken.set(attempt, Date.now());
      await queue.wake('attempts', attempt);
    }
  }, LOOK_MS);
  const victimOf = async (nth: number) => {
    const attempt = newAttempt();
    const opened = { stream: streamOf.attempt(attempt), expectedVersion: 0, actor: 'orchestrator' as Actor };
    await trail.append({ ...opened, entries: [attemptOpened(attempt, newRun())] });
    const program = startProgram(CLAIMANT, [url.runner, `bench-victim-${nth}`, 'hold', attempt]);
    await program.line();
    return { attempt, program };
  };
  const took: number[] = [];
  try {
    await heir.line();
    for (let nth = 0; nth < n; nth += 1) {
      const { attempt, program } = await victimOf(nth);
      const killedAt = Date.now();
      await program.kill();
      const [id, fence, , at] = (await heir.line()).split(' ');
      if (id !== attempt || fence !== '2') throw new Error(`${id} was claimed with fence ${fence}`);
      took.push(Number(at) - killedAt);
    }
  } finally {
    clearInterval(looking);
    await heir.kill();
    await queue.close();
    await trail.close();
  }
  return [
    {
      what: 'kill -9 of a runner, to the attempt claimed by another',
      ...{ unit: 'ms', ours: spreadOf(took), aim: 500 },
      note: "found out by the free advisory lock (looked at every 100 ms), woken through BullMQ on PostgreSQL, claimed with the next fence, its stream read. BullMQ by itself, with its defaults, gave a dead worker's job to another after 59.7 s (measured elsewhere).",
    },
  ];
}
