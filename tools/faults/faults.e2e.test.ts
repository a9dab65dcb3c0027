import { setTimeout as sleep } from 'node:timers/promises';
import type { EntryType } from '@millwright/domain';
import { Redis } from 'ioredis';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Bed, type Machine } from './bed.ts';

// THREATS 1-8 with two orchestrators and two runners on real Postgres and Redis: something goes wrong in the middle of a ticket's run, and what has
// to hold is looked at after it. A few of it in `npm test`; all of it by `npm run test:faults`.

let bed: Bed;
beforeAll(async () => {
  bed = await Bed.start();
});
afterAll(() => bed?.close());
/** Whatever a row did to them. */
afterEach(async () => {
  await bed.mend();
});

const redis = async <T>(work: (client: Redis) => Promise<T>): Promise<T> => {
  const client = new Redis({ port: bed.redisPort, maxRetriesPerRequest: null });
  client.on('error', () => undefined);
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
};
const stopped = async (pid: (signal: NodeJS.Signals) => void, ms: number) => {
  pid('SIGSTOP');
  await sleep(ms);
  pid('SIGCONT');
};
const machine = (of: Machine) => (signal: NodeJS.Signals) => void bed.process(of).kill(signal);

type Row = { what: string; at: EntryType; times?: number; fault: () => Promise<void>; long?: false };
const ROWS: Row[] = [
  {
    what: 'the orchestrator that works is killed in a canary, and the other takes over',
    ...{ at: 'canary.started', long: false },
    fault: async () => bed.kill(await bed.holder()),
  },
  {
    what: 'a runner is killed in a turn, and the other goes on',
    ...{ at: 'turn.asked', times: 4 },
    fault: () => bed.kill('r1'),
  },
  {
    what: 'both runners are killed, and one comes back',
    ...{ at: 'turn.asked', times: 3 },
    fault: async () => {
      await Promise.all([bed.kill('r1'), bed.kill('r2')]);
      await bed.up('r1');
    },
  },
  {
    what: 'the orchestrator that works is stopped for 15 s, and continued',
    at: 'merge.started',
    fault: async () => stopped(machine(await bed.holder()), 15_000),
  },
  {
    what: 'the one that stands by is stopped, and continued',
    at: 'plan.accepted',
    fault: async () => stopped(machine((await bed.holder()) === 'o1' ? 'o2' : 'o1'), 4_000),
  },
  {
    what: 'a runner is stopped for longer than its claims live, and is late when it comes back',
    ...{ at: 'turn.asked', times: 2 },
    fault: () => stopped(machine('r1'), 14_000),
  },
  {
    what: 'Redis is flushed again and again',
    ...{ at: 'ticket.filed', long: false },
    fault: () =>
      redis(async (client) => {
        for (let times = 0; times < 40; times += 1) {
          await client.flushall();
          await sleep(100);
        }
      }),
  },
  {
    what: 'Redis is away for 30 s',
    at: 'plan.accepted',
    fault: async () => {
      bed.redisSignal('SIGKILL');
      await sleep(30_000);
      bed.redis();
    },
  },
  {
    what: 'Redis restarts empty, as after a failover',
    at: 'stage.opened',
    fault: async () => {
      bed.redisSignal('SIGKILL');
      await sleep(300);
      bed.redis();
    },
  },
  {
    what: 'Redis hangs for 12 s',
    at: 'plan.accepted',
    fault: () => stopped((signal) => bed.redisSignal(signal), 12_000),
  },
  {
    what: 'Postgres restarts at once (immediate)',
    at: 'canary.started',
    fault: () => bed.postgres.restart('immediate'),
  },
  {
    what: 'Postgres hangs (SIGSTOP) for 12 s',
    at: 'task.changed',
    fault: async () => {
      bed.postgres.pause();
      await sleep(12_000);
      bed.postgres.resume();
    },
  },
  {
    what: 'Postgres is black-holed for all but one runner, for 15 s',
    at: 'turn.recorded',
    fault: async () => {
      bed.wires.others.blackHole();
      await sleep(15_000);
      bed.wires.others.open();
    },
  },
  {
    what: 'a runner is cut off from Postgres in the middle of a call of its model',
    ...{ at: 'turn.asked', times: 2 },
    fault: async () => {
      bed.wires.r1.blackHole();
      await sleep(25_000);
      bed.wires.r1.open();
    },
  },
  {
    what: 'no connection is to be had (the pool of the server is exhausted), and those that were there are cut',
    at: 'turn.recorded',
    fault: async () => {
      const admin = postgres(bed.postgres.tcp('postgres'), { max: 1 });
      // Superusers have places of their own: everybody else has none now.
      await admin`alter role orchestrator connection limit 0`;
      await admin`alter role runner connection limit 0`;
      await admin`select pg_terminate_backend(pid) from pg_stat_activity where usename in ('orchestrator', 'runner')`;
      await sleep(8_000);
      await admin`alter role orchestrator connection limit -1`;
      await admin`alter role runner connection limit -1`;
      await admin.end();
    },
  },
  ...[3_600_000, -3_600_000].map(
    (ahead): Row => ({
      what: `a runner and an orchestrator whose clocks are ${ahead / 3_600_000} h wrong`,
      at: 'plan.accepted',
      fault: async () => {
        const holder = await bed.holder();
        for (const one of ['r2', holder] as const) {
          await bed.kill(one);
          await bed.up(one, ahead);
        }
        await bed.kill('r1');
      },
    }),
  ),
];

const rows = (inTest: boolean) =>
  ROWS.filter(({ long }) => (long === false) === inTest).map((row): [string, Row] => [row.what, row]);
test.for(rows(true))('%s', ([, row]) => survives(row));
test.for(rows(false))('%s', { tags: ['long'] }, ([, row]) => survives(row));

async function survives({ at, times, fault }: Row): Promise<void> {
  const filed = await bed.file();
  await bed.saw(filed.from, at, times);
  await fault();
  await bed.mend();
  expect(await bed.check(filed)).toEqual([]);
}
