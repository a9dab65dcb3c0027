import { openRunnerTrail, openTrail } from '@millwright/audit';
import { type Actor, type AppendResult, streamOf } from '@millwright/domain';
import { openQueue } from '@millwright/queue';
import type { OwnPostgres } from '@millwright/store/testing';
import { installPeers } from '../peers/install.ts';
import { clock, newAttempt, newRun } from '../programs/clock.ts';
import { measured } from '../programs/line.ts';
import { type Row, type Spread, spreadOf, timed } from '../row.ts';
import { attemptClosed, attemptOpened, stageClosed, stageOpened, turnRecorded } from './entries.ts';

// Five durable stages in series with nothing to do, on the trail itself; beside five jobs of BullMQ on the same Postgres, each of
// which adds the next, and beside the same number of appends by a naive hash chain.

const ORCHESTRATOR = 'orchestrator' as Actor;
const STAGES = 5;
const WARM = 3;
const PEERS = `${import.meta.dirname}/../peers`;
const PEER_MS = 120_000;
export const NAIVE = `${import.meta.dirname}/../../libs/audit/src/testing/naive-chain.ts`;

function must(result: AppendResult): { version: number; position: number } {
  if (result.kind !== 'appended') throw new Error(`an append was not taken: ${result.kind}`);
  return result;
}

/** Five stages as a factory has them: the run's entry, the attempt opened, claimed, closed, the run's entry. 25 commits, one after the other. */
async function wholeStages(
  url: OwnPostgres['url'],
  n: number,
): Promise<{ stages: Spread; steps: Spread; attempts: Spread }> {
  const trail = openTrail({ url: url.orchestrator, clock });
  const runner = await openRunnerTrail({ url: url.runner, clock, incarnation: 'bench-stages' });
  const actor = 'runner/bench-stages' as Actor;
  try {
    const stages = await timed(n, WARM, async () => {
      const run = newRun();
      for (let nth = 1; nth <= STAGES; nth += 1) {
        const attempt = newAttempt();
        const version = (nth - 1) * 2;
        const append = { stream: streamOf.run(run), actor: ORCHESTRATOR };
        must(
          await trail.append({ ...append, expectedVersion: version, entries: [stageOpened(attempt, nth)] }),
        );
        const opened = { stream: streamOf.attempt(attempt), expectedVersion: 0, actor: ORCHESTRATOR };
        must(await trail.append({ ...opened, entries: [attemptOpened(attempt, run)] }));
        const claim = await runner.claim(attempt);
        if (claim.kind !== 'claimed') throw new Error(`not claimed: ${claim.kind}`);
        must(await runner.stream(claim).append(actor, [attemptClosed]));
        must(
          await trail.append({
            ...append,
            expectedVersion: version + 1,
            entries: [stageClosed(attempt, nth)],
          }),
        );
      }
    });
    const steps: number[] = [];
    const attempts = await timed(n, WARM, async (nth) => {
      const attempt = newAttempt();
      const opened = { stream: streamOf.attempt(attempt), expectedVersion: 0, actor: ORCHESTRATOR };
      must(await trail.append({ ...opened, entries: [attemptOpened(attempt, newRun())] }));
      const claim = await runner.claim(attempt);
      if (claim.kind !== 'claimed') throw new Error(`not claimed: ${claim.kind}`);
      const stream = runner.stream(claim);
      const from = performance.now();
      for (let turn = 1; turn <= STAGES; turn += 1)
        must(await stream.append('agent/plan' as Actor, turnRecorded(turn)));
      if (nth >= 0) steps.push(performance.now() - from);
      must(await stream.append(actor, [attemptClosed]));
    });
    return { stages: spreadOf(stages), steps: spreadOf(steps), attempts: spreadOf(attempts) };
  } finally {
    await runner.close();
    await trail.close();
  }
}

/** Five steps by a durable-execution engine: those alone, and the whole workflow that they are. */
type Durable = { inside: Spread; whole: Spread };

/** Null, said, where they cannot be installed: without a package registry the rest is measured all the same. */
async function durable(
  postgres: OwnPostgres,
  n: number,
): Promise<{ dbos: Durable; restate: Durable } | null> {
  const peers = await installPeers().catch((error) => {
    process.stderr.write(`without Restate and DBOS: ${error instanceof Error ? error.message : error}\n`);
    return null;
  });
  if (peers === null) return null;
  const args = [String(STAGES), String(n)];
  try {
    const url = postgres.url.postgres;
    return {
      dbos: await measured(`${PEERS}/dbos.ts`, [peers.folder, url, ...args], PEER_MS),
      restate: await measured(`${PEERS}/restate.ts`, [peers.folder, ...args], PEER_MS),
    };
  } finally {
    peers.remove();
  }
}

/** Five jobs, each of which adds the next when it is done; and how long one waits to be picked up. */
async function jobs(url: string, n: number): Promise<{ chain: Spread; pickUp: Spread }> {
  const queue = openQueue({ url });
  let reached: (id: string) => void = () => undefined;
  const work = await queue.work(
    'runs',
    1,
    async (id) => {
      const [chain, left] = id.split(' ');
      if (Number(left) > 0) await queue.wake('runs', `${chain} ${Number(left) - 1}`);
      else reached(id);
    },
    () => undefined,
  );
  const end = (left: number) =>
    new Promise<void>((resolve) => {
      reached = () => resolve();
      void queue.wake('runs', `chain ${left}`);
    });
  try {
    const pickUp = await timed(n, 5, () => end(0));
    const chain = await timed(n, WARM, () => end(STAGES - 1));
    return { chain: spreadOf(chain), pickUp: spreadOf(pickUp) };
  } finally {
    await work.stop();
    await queue.close();
  }
}

function besideEngines(
  steps: Row,
  whole: Row,
  { dbos, restate }: { dbos: Durable; restate: Durable },
): Row[] {
  return [
    { ...steps, peer: { name: 'Restate, 5 steps of an invocation', spread: restate.inside } },
    { ...steps, peer: { name: 'DBOS, 5 steps of a workflow', spread: dbos.inside } },
    {
      ...whole,
      peer: { name: 'Restate, the invocation', spread: restate.whole },
      note: 'eight commits; in the peers’ are a start and an end. They were at 6.9 (Restate) and 8.8 ms (DBOS) where the aim was set.',
    },
    { ...whole, peer: { name: 'DBOS, the workflow', spread: dbos.whole } },
  ];
}

export async function stages(postgres: OwnPostgres, quick: boolean): Promise<Row[]> {
  const n = quick ? 10 : 200;
  const own = await wholeStages(postgres.url, n);
  const bull = await jobs(postgres.url.orchestrator, n);
  const naive = (appends: number) =>
    measured<{ chain: Spread }>(NAIVE, [postgres.url.postgres, 'chain', String(appends), String(n)], 60_000);
  const [five, twentyFive] = [await naive(STAGES), await naive(STAGES * 5)];
  const peers = await durable(postgres, n);
  const steps = {
    what: 'five durable steps in series, one append each',
    unit: 'ms',
    ours: own.steps,
  } as const;
  const whole = { what: 'the same, opened, claimed and closed', unit: 'ms', ours: own.attempts } as const;
  return [
    {
      ...{ ...steps, aim: 2.3 },
      peer: { name: 'naive hash chain, 5 appends', spread: five.chain },
      note: 'five recorded turns of one attempt: one commit a step.',
    },
    ...(peers === null ? [] : besideEngines(steps, whole, peers)),
    {
      what: 'five whole stages in series: opened, claimed, closed',
      ...{ unit: 'ms', ours: own.stages },
      peer: { name: 'BullMQ on PostgreSQL, 5 chained jobs', spread: bull.chain },
      note: 'five commits a stage, 25 in all, each awaited; a claim is fenced and every entry is on the trail, which a job of BullMQ has not.',
    },
    {
      what: 'the same 25 appends',
      ...{ unit: 'ms', ours: own.stages },
      peer: { name: 'naive hash chain, 25 appends', spread: twentyFive.chain },
    },
    { what: 'wake-up: asked for to picked up', unit: 'ms', ours: bull.pickUp },
  ];
}
