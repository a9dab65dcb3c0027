import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openRunnerTrail } from '@millwright/audit';
import {
  AttemptId,
  type Clock,
  cancelled,
  noUsage,
  RunnerName,
  type RunnerSaid,
  type SpecOf,
  VERSION,
} from '@millwright/domain';
import { artifactOf, Repositories, shopRelease } from '@millwright/orchestrator/testing';
import { openQueue } from '@millwright/queue';
import { HaltWatch, type Held, type Runner, runAttempt, turnLog } from '@millwright/sandbox-runner/testing';
import { openStore } from '@millwright/store';
import { z } from 'zod';

// A runner as a process: its claims, halts, turns and hand-overs are those of apps/sandbox-runner, on real Postgres and Redis; what an agent does in a
// sandbox is scripted. Says that it is ready on stdout.

const { root, url, queueUrl, name, ahead, turns, modelMs } = z
  .object({
    root: z.string(),
    url: z.string(),
    queueUrl: z.string(),
    name: z.string(),
    ahead: z.number(),
    /** Turns of an agent, and how long a model takes for one. */
    turns: z.number(),
    modelMs: z.number(),
  })
  .parse(JSON.parse(process.argv[2] ?? ''));

const CONCURRENCY = 4;

const clock: Clock = {
  now: () => Date.now() + ahead,
  sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}),
};
const incarnation = `${name}-${randomBytes(6).toString('hex')}`;
const trail = await openRunnerTrail({ url, clock, incarnation });
const store = openStore({ url });
const queue = openQueue({ url: queueUrl });
const halts = new HaltWatch(trail, clock, RunnerName.parse(name));
const repositories = new Repositories(
  join(root, 'repos'),
  async (repo) => ({ url: join(root, `${repo}.git`), branch: 'main' }),
  async () => null,
);
const note = (event: string, fields: object) => process.stderr.write(`${event} ${JSON.stringify(fields)}\n`);
// What an agent's seat has besides is not used by a scripted one.
const runner = {
  ...{ trail, halts, halted: new Map(), labels: new Set(), artifacts: store.artifacts },
  ...{ budget: store.budget, queue, clock, note },
} as unknown as Runner;

/** What is paid for, said, asked for and recorded, turn by turn, as the loop of libs/agents has it. */
async function talk(held: Held): Promise<void> {
  const { spec, claim, stream, signal } = held;
  const log = turnLog({
    artifacts: store.artifacts,
    known: {
      now: async () => ({ mask: (text: string) => text }) as never,
      forget: () => undefined,
      mask: (text) => text,
    },
    ...{ stream, role: spec.role, clock, past: held.past },
    sandbox: { snapshot: async () => ({ kind: 'unchanged' }) },
    keep: false,
    mayAsk: async (model) => {
      held.act.model = model;
      const halt = await halts.stopped(held.act);
      if (halt !== null) throw cancelled('halted', halt.reason);
    },
  });
  const model = 'scripted/model';
  for (let turn = (await log.load()).turns.length + 1; turn <= turns; turn += 1) {
    signal.throwIfAborted();
    const key = `${spec.attempt}/${claim.fence}/${turn}/1`;
    const reserved = await store.budget.reserve(key, spec.budgets, 0.05);
    if (reserved.kind !== 'reserved') throw cancelled('not-held', reserved.kind);
    await log.asked(turn, model);
    await clock.sleep(modelMs, signal);
    await log.record({
      ...{ turn, model, assistant: [], results: [], stopReason: 'end_turn', action: `does ${spec.role}` },
      usage: { ...noUsage(), inputTokens: 10, usd: 0.01 },
    });
    await store.budget.settle(key, 0.01);
  }
}

void halts.watch();
const said: RunnerSaid = {
  ...{ name: RunnerName.parse(name), incarnation, version: VERSION, concurrency: CONCURRENCY },
  ...{ platform: 'linux', arch: 'x64', labels: [], since: clock.now() },
};
const sayItself = () =>
  store.notes
    .say(`runner/${incarnation}`, JSON.stringify(said))
    .catch((error: unknown) => note('not known', { error: String(error) }));
await sayItself();
setInterval(sayItself, 2_000);
const stop = new AbortController();
const script = {
  implement: (spec: SpecOf<'implement'>) => ({
    [`src/${spec.ticket.title.replaceAll(/\W+/g, '-')}.js`]: 'export const made = true;\n',
  }),
  release: shopRelease,
};
await queue.work(
  'attempts',
  CONCURRENCY,
  (id) =>
    runAttempt(runner, AttemptId.parse(id), stop.signal, async (held) => {
      await talk(held);
      return artifactOf({ store, script, repository: () => repositories.open(held.spec.repo) }, held.spec);
    }),
  (error) => note('failed', { error: String(error) }),
);
process.stdout.write('ready\n');
