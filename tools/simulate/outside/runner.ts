import { attemptStream, type RunnerTrail } from '@millwright/audit';
import {
  AcceptanceChecks,
  AttemptId,
  ChangeSet,
  cancelled,
  DEFAULT_UNIT,
  type Digest,
  type GitSha,
  noUsage,
  Plan,
  putJson,
  Release,
  type RepoName,
  Review,
  type RunnerSaid,
  retryable,
  type SpecOf,
  type TaskId,
  TestReport,
  testReport,
  type UnitName,
  unitAfter,
  VERSION,
} from '@millwright/domain';
import {
  BudgetReached,
  HaltWatch,
  type Held,
  type Runner,
  runAttempt,
  turnLog,
} from '@millwright/sandbox-runner/testing';
import { clockOf } from './network.ts';
import type { Outside } from './outside.ts';
import { queueOf } from './queue.ts';
import { storeOf } from './store.ts';
import { Process } from './time.ts';

const BEAT_MS = 2_000;
const AGAIN_MS = 100;
const CONCURRENCY = 4;

function trailOf(outside: Outside, process: Process, clock: Runner['clock']) {
  const { database, network } = outside;
  const incarnation = process.name.replaceAll('.', '-');
  const away = (why: string) => retryable('trail-unreachable', why);
  const ask = <T>(work: () => T) => network.call('database', { away, work });
  const act = <T>(work: () => T) => network.call('database', { changes: true, away, work });
  const beat = () =>
    ask(() => {
      // What is on its way when its process dies comes over a connection that is no more.
      if (process.alive) database.sessions.set(incarnation, outside.time.now);
    });
  let claims = 0;
  const trail: RunnerTrail = {
    incarnation,
    claim: async (attempt) => {
      for (let tries = 0; tries < 3; tries += 1) {
        const secret = `${incarnation}/${attempt}/${claims++}`;
        const claim = await act(() => database.claim(attempt, incarnation, secret, clock.now()));
        if (claim !== 'not_alive') return claim;
        await beat();
      }
      throw retryable('trail-unreachable', `runner ${incarnation} has lost its session`, 200);
    },
    stream: (claim) => {
      const { attempt, secret } = claim;
      return attemptStream(
        {
          append: (version, actor, entries) =>
            act(() => database.appendClaimed(attempt, secret, version, actor, entries, clock.now())),
          read: (after) =>
            ask(() =>
              database.knows(attempt, secret) ? database.read(`attempt/${attempt}` as never, after) : [],
            ),
          release: () => act(() => database.release(attempt, secret)),
        },
        clock,
        claim,
        () => undefined,
      );
    },
    halts: (after) =>
      ask(() =>
        database
          .read('factory' as never, after)
          .filter(({ entry }) =>
            ['factory.halted', 'factory.resumed', 'factory.started'].includes(entry.type),
          ),
      ),
    units: (repos) =>
      ask(() => {
        const unit = (repo: RepoName): UnitName =>
          database
            .read(`repo/${repo}` as never)
            .reduce((now, { entry }) => unitAfter(now, entry), DEFAULT_UNIT);
        return new Map(repos.map((repo) => [repo, unit(repo)]));
      }),
    refused: () => undefined,
    close: async () => undefined,
  };
  return { trail, beat };
}

export class RunnerMachine {
  readonly name: string;
  readonly #outside: Outside;
  process: Process;
  #times = 0;

  constructor(outside: Outside, name: string) {
    this.#outside = outside;
    this.name = name;
    this.process = new Process(name);
    this.process.alive = false;
  }

  start(): void {
    if (this.process.alive) return;
    this.#times += 1;
    const { ahead } = this.process;
    this.process = new Process(`${this.name}.${this.#times}`);
    this.process.ahead = ahead;
    this.#outside.time.as(this.process, () => this.#run());
  }

  /** kill -9. */
  die(): void {
    const { process } = this;
    if (!process.alive) return;
    process.alive = false;
    const { time, database, chance } = this.#outside;
    time.after(chance.between(1, 30), null, () =>
      database.sessions.delete(process.name.replaceAll('.', '-')),
    );
  }

  #run(): void {
    const outside = this.#outside;
    const { process } = this;
    const clock = clockOf(outside.time, process);
    const { trail, beat } = trailOf(outside, process, clock);
    const queue = queueOf(outside, process);
    const halts = new HaltWatch(trail, clock, process.name as never);
    const store = storeOf(outside, 'runner');
    const runner = {
      labels: new Set<string>(),
      ...{ trail, halts, halted: new Map(), artifacts: store.artifacts, budget: store.budget, queue, clock },
      note: (event: string, fields: object) =>
        outside.note(`${process.name}: ${event} ${JSON.stringify(fields)}`),
    } as unknown as Runner;
    const beats = (): void => {
      beat().then(
        () => setTimeout(beats, BEAT_MS),
        () => setTimeout(beats, AGAIN_MS),
      );
    };
    beats();
    void halts.watch();
    const said: RunnerSaid = {
      ...{ name: process.name as never, incarnation: trail.incarnation, version: VERSION },
      ...{ concurrency: CONCURRENCY, platform: 'linux', arch: 'x64', labels: [], since: clock.now() },
    };
    const says = (): void => {
      store.notes
        .say(`runner/${trail.incarnation}`, JSON.stringify(said))
        .catch((error: unknown) => outside.note(`${process.name} is not known: ${String(error)}`))
        .finally(() => setTimeout(says, BEAT_MS));
    };
    says();
    const stop = new AbortController();
    void queue.work(
      'attempts',
      CONCURRENCY,
      async (id) => {
        await runAttempt(runner, AttemptId.parse(id), stop.signal, (held) =>
          stage(outside, process, held),
        ).catch((error: unknown) =>
          outside.note(`${process.name}: ${id} could not be closed: ${String(error)}`),
        );
      },
      () => undefined,
    );
  }
}

/** The most that one call of the model costs, and what it bills. US dollars. */
const [MOST_USD, BILLED_USD] = [0.05, 0.01];

/** What an agent does, turn by turn, each of them reserved, said, asked for and recorded as the loop of libs/agents has it. */
async function talk(outside: Outside, process: Process, held: Held, turns: number): Promise<void> {
  const { runner, spec, claim, stream, signal } = held;
  const log = turnLog({
    artifacts: runner.artifacts,
    known: {
      now: async () => ({ mask: (text: string) => text }) as never,
      forget: () => undefined,
      mask: (text) => text,
    },
    ...{ stream, role: spec.role, clock: runner.clock, past: held.past },
    sandbox: { snapshot: async () => ({ kind: 'unchanged' }) },
    keep: false,
    mayAsk: async (model) => {
      held.act.model = model;
      const halt = await runner.halts.stopped(held.act);
      if (halt !== null) throw cancelled('halted', halt.reason);
    },
  });
  const before = (await log.load()).turns.length;
  const model = 'simulated/model';
  for (let turn = before + 1; turn <= turns; turn += 1) {
    signal.throwIfAborted();
    const key = `${spec.attempt}/${claim.fence}/${turn}/1`;
    const reserved = await runner.budget.reserve(key, spec.budgets, MOST_USD);
    if (reserved.kind === 'not_held') throw cancelled('taken-over', 'another runner has the attempt');
    if (reserved.kind === 'refused')
      throw new BudgetReached({
        ...{ kind: 'paused', scope: reserved.scope, needUsd: MOST_USD, leftUsd: reserved.left },
        ...{ detail: 'a cap is reached', turns: before, usage: noUsage(), model },
      });
    await log.asked(turn, model);
    await outside.ask(process, held, turn);
    signal.throwIfAborted();
    await log.record({
      ...{ turn, model, assistant: [], results: [], stopReason: 'end_turn', action: `does ${spec.role}` },
      usage: { ...noUsage(), inputTokens: 10, usd: BILLED_USD },
    });
    await runner.budget.settle(key, BILLED_USD);
  }
}

async function stage(outside: Outside, process: Process, held: Held): Promise<Digest> {
  const { runner, spec, signal } = held;
  const { forge, script } = outside;
  const { artifacts } = runner;
  const said = script.of(spec);
  if (!(spec.role === 'test' && spec.tree !== null)) await talk(outside, process, held, said.turns);
  await runner.clock.sleep(said.ms, signal);
  if (said.fails) throw retryable('runner-fault', 'the engine is away');
  switch (spec.role) {
    case 'plan':
      return putJson(artifacts, Plan, { kind: 'tasks', summary: 'do it', tasks: planned(said.tasks) });
    case 'implement': {
      const files = new Map(forge.files(spec.start));
      for (const [path, text] of said.files) files.set(path, text);
      const tree = forge.tree(files);
      const patch = forge.patch(spec.from, tree);
      return putJson(artifacts, ChangeSet, {
        ...{ summary: 'Made it.', commitMessage: `${spec.ticket.title}\n\nMade by the simulator.` },
        ...{ baseTree: spec.from, tree: said.lies ? spec.from : tree },
        patch: await artifacts.put(Buffer.from(patch)),
        patchId: script.patchId(patch),
        paths: [],
      });
    }
    case 'review':
      return putJson(artifacts, Review, {
        ...{ patchId: spec.patchId, summary: '' },
        ...(said.refuses
          ? {
              verdict: 'request_changes' as const,
              findings: [{ path: 'src/x.js', severity: 'major' as const, message: 'mend it' }],
            }
          : { verdict: 'approve' as const, findings: [] }),
      });
    case 'test': {
      if (spec.tree === null)
        return putJson(artifacts, AcceptanceChecks, { summary: '', checks: [], files: null });
      const report = { ...reported(spec.tree, said.refuses ? 'failed' : 'passed'), checks: spec.checks };
      return putJson(artifacts, TestReport, report);
    }
    case 'deploy':
      return putJson(artifacts, Release, released(spec));
  }
}

const planned = (count: number) =>
  Array.from({ length: count }, (_, nth) => ({
    id: `t${nth}` as TaskId,
    ...{ title: `part ${nth}`, instructions: 'do', dependsOn: [], acceptance: [] },
  }));

const reported = (tree: GitSha, verdict: 'passed' | 'failed') =>
  testReport({
    ...{ tree, verdict, reason: verdict, runner: 'node', followed: 'proven' },
    names: { base: 1, reported: 1, missing: [], failing: [], failingOnBase: [], turned: [] },
  });

const released = ({ release: id, commit, tree }: SpecOf<'deploy'>): Release => ({
  ...{ id, commit, tree, image: 'sha256:0', notes: '', watch: [] },
  layer: `sha256:${tree.padEnd(64, '0')}` as Digest,
  test: reported(tree, 'passed'),
});
