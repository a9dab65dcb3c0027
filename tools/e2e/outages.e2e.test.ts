import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addressOf } from './database.ts';
import { ROOT } from './factory.ts';
import { check, courseOf } from './kill/check.ts';
import { after } from './kill/points.ts';
import { pidsOf, signal } from './kill/processes.ts';
import { type Ended, TestBed, troubles } from './kill/test-bed.ts';

// THREATS 4, 6, 7: what the factory stands on goes away under a thin run, or a runner hangs: the run ends as without it.

const MS = 900_000;
let bed: TestBed;
let course: string[] = [];

beforeAll(async () => {
  bed = await TestBed.start();
  const clean = await bed.run('done', []);
  expect(await check(bed, clean, 0, null)).toEqual([]);
  course = courseOf(clean);
}, MS);
afterAll(() => bed?.close(), MS);

async function expectSound(ended: Ended, points: number, crashes = 0): Promise<void> {
  const found = await check(bed, ended, points, course, crashes);
  if (found.length > 0) console.error(troubles(bed));
  expect(found).toEqual([]);
}

/** Does `what` again and again while the run goes on. */
async function meanwhile(what: (stop: AbortSignal) => Promise<void>): Promise<Ended> {
  const over = new AbortController();
  const [ended] = await Promise.all([bed.run('done', []).finally(() => over.abort()), what(over.signal)]);
  return ended;
}

it('the queue is wiped all the time: nothing is lost', { timeout: MS, tags: ['long'] }, async () => {
  const tables = await bed.database.ask(
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'bullmq' and tablename ~ '^(job|event|dedup)'",
  );
  expect(tables.length).toBeGreaterThan(0);
  let wiped = 0;
  const ended = await meanwhile(async (stop) => {
    const wipe = `truncate ${tables.map(({ name }) => name).join(', ')} cascade`;
    for (; !stop.aborted; await sleep(200)) {
      // One of two that lock against each other gives way: then it is the next one that wipes.
      const done = await bed.database.ask(wipe).catch((error: Error) => error);
      if (!(done instanceof Error)) wiped += 1;
      else if (!done.message.includes('deadlock')) throw done;
    }
  });
  expect(wiped).toBeGreaterThan(5);
  await expectSound(ended, 0);
});

/** Where the embedded Postgres lies; its first line of postmaster.pid is its process. */
const postmaster = (): number => {
  const { folder } = JSON.parse(readFileSync(join(bed.factory.data, 'database.json'), 'utf8')) as {
    folder: string;
  };
  return Number(readFileSync(join(folder, 'data/postmaster.pid'), 'utf8').split('\n')[0]);
};

it('Postgres is stopped at once (immediate) three times: nothing is lost, nothing is repeated', {
  timeout: MS,
}, async () => {
  let crashes = 0;
  const ask = (statement: string) => bed.database.ask(statement);
  const [head] = await ask('select max(position)::int as last from millwright.entries');
  const ended = await meanwhile(async (stop) => {
    // Each after another type of entry, seen by asking: whoever appends at that moment does not learn whether it was committed.
    for (const type of ['attempt.sandboxed', 'task.changed', 'deploy.started']) {
      const seen = () =>
        ask(`select 1 from millwright.entries where type = '${type}' and position > ${head?.last}`);
      while (!stop.aborted && (await seen()).length === 0) await sleep(5);
      if (stop.aborted) return;
      const pid = postmaster();
      process.kill(pid, 'SIGQUIT');
      crashes += 1;
      // A session may answer once more before it is cut, and the file that names the process is away for a moment.
      const back = () =>
        ask('select 1')
          .then(() => postmaster() !== pid)
          .catch(() => false);
      while (!stop.aborted && !(await back())) await sleep(250);
    }
  });
  expect(crashes).toBe(3);
  await expectSound(ended, 0, crashes);
});

/** A second runner beside the one that `up` started, with the same environment, as on another machine. */
function secondRunner(like: number): ChildProcess {
  const env = Object.fromEntries(
    readFileSync(`/proc/${like}/environ`, 'utf8')
      .split('\0')
      .filter(Boolean)
      .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
  // What `up` says later, when the database is there, is not in /proc.
  const address = addressOf(bed.factory.data, 'runner');
  return spawn(process.execPath, [join(ROOT, 'apps/sandbox-runner/src/main.ts')], {
    env: { ...env, DATABASE_URL: address, QUEUE_URL: env.QUEUE_URL || address },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

async function stopped(child: ChildProcess | null): Promise<void> {
  if (child === null) return;
  const gone = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGTERM');
  await gone;
}

const only = <T>([first]: T[]): T => {
  if (first === undefined) throw new Error('there is none');
  return first;
};

it('a runner is stopped and continued: another has taken over, and the late one is refused, on the trail', {
  timeout: MS,
}, async () => {
  const [pid] = pidsOf(bed.factory.data, 'runner');
  if (pid === undefined) throw new Error('no runner runs');
  let second: ChildProcess | null = null;
  const refusals = (run: string) =>
    bed.factory.trail(run).then((trail) => trail.filter(({ type }) => type === 'attempt.refused'));
  const claimsOf = (trail: Ended['trail']) => trail.filter(({ type }) => type === 'attempt.claimed');
  try {
    // In the middle of the implementation, between two of its turns: the plan's, and two of what the implementer and the tester beside it do.
    const point = { ...only(after('runner', 'turn.recorded')), skip: 2 };
    const ended = await bed.run('done', [point], async () => {
      signal(pid, 'SIGSTOP');
      second = secondRunner(pid);
    });
    expect(await refusals(ended.run.id)).toEqual([]);
    const actor = claimsOf(ended.trail)[0]?.actor;
    const taken = claimsOf(ended.trail).filter(({ data }) => (data as { fence: number }).fence > 1);
    signal(pid, 'SIGCONT');
    const until = Date.now() + 60_000;
    while ((await refusals(ended.run.id)).length < taken.length && Date.now() < until) await sleep(100);
    const trail = await bed.factory.trail(ended.run.id);
    // The implementer's, and the tester's where that was under way too: each was taken over once, and is refused to the late one once.
    expect([1, 2]).toContain(taken.length);
    for (const { stream } of taken) {
      const fences = claimsOf(trail).filter((one) => one.stream === stream);
      expect(fences.map(({ data }) => data)).toMatchObject([{ fence: 1 }, { fence: 2 }]);
      expect(fences[0]?.actor).toBe(actor);
      expect(fences[1]?.actor).not.toBe(actor);
    }
    // Nothing else of the late one came after the first was taken over.
    const late = trail.filter((one) => one.actor === actor && one.position > (taken[0]?.position ?? 0));
    expect(late.map(({ type }) => type)).toEqual(taken.map(() => 'attempt.refused'));
    expect(late.map(({ stream }) => stream).toSorted()).toEqual(taken.map(({ stream }) => stream).toSorted());
    await expectSound({ ...ended, trail }, 1);
  } finally {
    signal(pid, 'SIGCONT');
    await stopped(second);
  }
});
