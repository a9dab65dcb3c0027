import type { OpenTrail } from '@millwright/audit';
import type { Clock, Ids, RepoName } from '@millwright/domain';
import {
  AcceptanceChecks,
  type AttemptId,
  type AttemptOutcome,
  AttemptSpec,
  addUsage,
  attemptStream,
  type Entry,
  type EntryOf,
  getJson,
  noUsage,
  pausesOf,
  putJson,
  type RecordedEntry,
  RepoConfig,
  type Run,
  type Stage,
  streamOf,
  TestReport,
  Ticket,
  type Todo,
  testOf,
} from '@millwright/domain';
import type { Store } from '@millwright/store';
import { riskBetween } from '../../gates/facts.ts';
import type { Settings } from '../../settings.ts';
import type { Repositories } from '../../source-control/repositories.ts';
import { ORCHESTRATOR } from '../../streams/actor.ts';
import type { Forward } from '../../streams/forward.ts';
import { halted } from '../../streams/forward.ts';
import type { KnownSecrets } from '../../streams/known-secrets.ts';
import type { LocalLeases } from '../../streams/local-leases.ts';
import type { Register } from '../../streams/register.ts';
import type { Runners } from '../../streams/runners.ts';
import type { Streams } from '../../streams/streams.ts';
import { specFor } from '../attempt-spec.ts';
import { needsOf } from '../needs.ts';
import type { Journal, StepResult } from '../step.ts';
import type { Turns } from '../turns.ts';
import { keepChange } from './close.ts';
import { lineUpRun, turn } from './line-up.ts';
import { lostMerge } from './lost.ts';
import { withoutSecrets } from './secrets-in-change.ts';

type Ports = {
  clock: Clock;
  forward: Forward;
  ids: Ids;
  knownSecrets: KnownSecrets;
  merges: LocalLeases<RepoName>;
  register: Register;
  repositories: Repositories;
  runners: Runners;
  settings: Settings;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
  turns: Turns;
};

type Step<D extends Todo['do']> = Extract<Todo, { do: D }>;

/** Makes the attempt's specification and opens the stage. The attempt's own stream is opened by the first `awaitStage` after it. */
export async function openStage(
  factory: Ports,
  run: Run,
  step: Step<'open-stage'>,
  journal: Journal,
): Promise<StepResult> {
  // A test of what will not be merged as it stands is for nothing, and a release of what is not on the branch.
  if (step.role === 'test' && run.queue !== null && (await turn(factory, run)) === 'stale')
    return lineUpRun(factory, run, journal);
  if (step.role === 'deploy') {
    const lost = await lostMerge(factory, run);
    if (lost !== null) return lost;
  }
  const skipped = (await skippedChecks(factory, run, step)) ?? (await skippedReview(factory, run, step));
  if (skipped !== null) return skipped;
  const attempt = factory.ids.next('att') as AttemptId;
  const { spec, inputs } = await specFor(factory, run, step, attempt);
  const digest = await putJson(factory.store.artifacts, AttemptSpec, spec);
  const nth = run.stages.filter((one) => one.role === step.role && one.task === step.task).length + 1;
  const stage = `${step.role}${step.task === null ? '' : `/${step.task}`}#${nth}`;
  return {
    type: 'stage.opened',
    data: { stage, role: step.role, task: step.task, attempt, spec: digest, inputs },
  };
}

/** No tester is asked for what the repository says needs none. */
async function skippedChecks(
  { store: { artifacts } }: Ports,
  run: Run,
  step: Step<'open-stage'>,
): Promise<StepResult> {
  if (step.role !== 'test' || step.task !== null || run.checks !== null) return null;
  const [{ kind }, { skipChecks }] = await Promise.all([
    getJson(artifacts, Ticket, run.ticketDigest),
    getJson(artifacts, RepoConfig, run.config),
  ]);
  if (!skipChecks.includes(kind)) return null;
  const none = { summary: `Tickets of kind ${kind} go without.`, checks: [], files: null };
  return { type: 'checks.skipped', data: { checks: await putJson(artifacts, AcceptanceChecks, none), kind } };
}

/**
 * No reviewer is asked where the repository lets this kind of ticket go without and the change is trivial by the factory's own facts, those that its
 * gate judges: documents, comments or tests alone, asked for by somebody who is trusted. What a ticket calls itself is not enough.
 */
async function skippedReview(factory: Ports, run: Run, step: Step<'open-stage'>): Promise<StepResult> {
  const { change } = run;
  if (step.role !== 'review' || step.task !== null || change === null) return null;
  const { artifacts } = factory.store;
  const [{ kind }, { skipReview }] = await Promise.all([
    getJson(artifacts, Ticket, run.ticketDigest),
    getJson(artifacts, RepoConfig, run.config),
  ]);
  const tested = testOf(run, null, change.tree);
  // What a review was asked for once, whole or in part, is reviewed.
  if (!skipReview.includes(kind) || tested === undefined || run.reviews.length > 0) return null;
  const report = await getJson(artifacts, TestReport, tested.report);
  const { risk } = await riskBetween(factory, run, run.base.tree, change.tree, report);
  if (risk !== 'trivial') return null;
  return { type: 'review.skipped', data: { patchId: change.patchId, tree: change.tree, kind } };
}

/** Opens the attempt's stream where it is not there yet, wakes a runner, and draws the attempt's end into the run. */
export async function awaitStage(
  factory: Ports,
  run: Run,
  step: Step<'await-stage'>,
  wakeAt: (ms: number) => void,
): Promise<StepResult> {
  const stage = run.stages.find((one) => one.attempt === step.attempt);
  if (!stage) return null;
  const recorded = await factory.trail.read(streamOf.attempt(step.attempt));
  const entries = recorded.flatMap((one) => (one.entry ? [one.entry] : []));
  const opened = entries.find((entry): entry is EntryOf<'attempt.opened'> => entry.type === 'attempt.opened');
  const model = entries.findLast((entry) => entry.type === 'turn.asked')?.data.model ?? null;
  const act = { action: 'stage', repo: run.repo, model } as const;
  if (!opened) {
    const stop = await factory.forward.stopped(act);
    if (stop !== null) throw halted(stop);
    // Driven again when it is its turn.
    const needs = await needsOf(factory, run);
    if (!factory.turns.ask({ attempt: stage.attempt, run: run.id, repo: run.repo, needs })) {
      wakeAt(run.expiresAt);
      return null;
    }
    const { attempt, role, spec } = stage;
    const { limits } = await getJson(factory.store.artifacts, AttemptSpec, spec);
    const deadline = Math.min(factory.clock.now() + limits.wallMs + 60_000, run.expiresAt);
    await factory.streams.append(
      attemptStream(attempt),
      ORCHESTRATOR,
      () => ({ type: 'attempt.opened', data: { attempt, run: run.id, role, spec, deadline } }),
      { known: { state: { kind: 'none' }, version: 0 } },
    );
    await factory.runners.wake(attempt, needs);
    wakeAt(deadline);
    return null;
  }
  const closed = entries.find((entry): entry is EntryOf<'attempt.closed'> => entry.type === 'attempt.closed');
  if (closed) {
    factory.turns.leave(step.attempt);
    const outcome = await withoutSecrets(factory, run, stage, closed.data.outcome);
    return closedStage(factory, stage, outcome, entries);
  }
  const pauses = pausesOf(recorded);
  // Woken when the budget allows (intake/subscription.ts), or to be parked when the run's time is over.
  if (pauses.waits !== null) {
    if (run.parked === null) wakeAt(run.expiresAt);
    return null;
  }
  // The time of a halt is no time of its work: so much later it is late.
  const now = factory.clock.now();
  const haltedMs = factory.forward.haltedMs(act, recorded[0]?.envelope.at ?? now, now);
  const deadline = opened.data.deadline + pauses.ms + haltedMs;
  if (now >= deadline && (await factory.forward.stopped(act)) === null) {
    const outcome = {
      kind: 'failed',
      code: 'deadline',
      retryable: false,
      reason: 'the attempt did not end in the time it was given',
    } as const;
    await closeAttempt(factory, step.attempt, recorded, outcome);
    return awaitStage(factory, run, step, wakeAt);
  }
  wakeAt(Math.max(deadline, now + 1_000));
  return null;
}

/**
 * Closes the attempt, which ends its runner's right to append, and then the stage. Where the run's time is over and an attempt waits for a
 * budget, that attempt stays open and the run is parked instead: once somebody raises the cap it goes on from its recorded turns.
 */
export async function cancelStage(factory: Ports, run: Run, step: Step<'cancel-stage'>): Promise<StepResult> {
  const stage = run.stages.find((one) => one.attempt === step.attempt);
  if (!stage) return null;
  const short = run.stopAsked === null && factory.clock.now() >= run.expiresAt;
  const waits = short ? pausesOf(await factory.trail.read(streamOf.attempt(step.attempt))).waits : null;
  if (waits !== null) {
    const reason = `${stage.role} waits for the budget ${waits.scope}, and the run's time is over`;
    await keepChange(factory, run);
    return { type: 'run.parked', data: { cause: 'budget', reason, remindAt: factory.clock.now() } };
  }
  factory.turns.leave(step.attempt);
  for (;;) {
    const recorded = await factory.trail.read(streamOf.attempt(step.attempt));
    const entries = recorded.flatMap((one) => (one.entry ? [one.entry] : []));
    const closed = entries.find(
      (entry): entry is EntryOf<'attempt.closed'> => entry.type === 'attempt.closed',
    );
    const outcome = closed?.data.outcome ?? ({ kind: 'cancelled', reason: 'the run ends' } as const);
    if (closed || recorded.length === 0 || (await closeAttempt(factory, step.attempt, recorded, outcome)))
      return closedStage(factory, stage, outcome, entries);
  }
}

/** False where its runner said something since it was `recorded`: then that is looked at first. */
async function closeAttempt(
  factory: Ports,
  attempt: AttemptId,
  recorded: readonly RecordedEntry[],
  outcome: AttemptOutcome,
): Promise<boolean> {
  const done = await factory.streams.append(attemptStream(attempt), ORCHESTRATOR, ({ version }) =>
    version === recorded.length ? { type: 'attempt.closed', data: { outcome } } : null,
  );
  return done.kind === 'appended';
}

/** Its tokens are those of its turns; its cost is the ledger's, which has the calls without an answer too. */
async function closedStage(
  factory: Ports,
  { stage, attempt }: Stage,
  outcome: AttemptOutcome,
  entries: readonly Entry[],
): Promise<StepResult> {
  const usd = await factory.store.budget.billedTo(attempt);
  return { type: 'stage.closed', data: { stage, attempt, outcome, usage: { ...usageOf(entries), usd } } };
}

const usageOf = (entries: readonly { type: string }[]) =>
  entries
    .filter((entry): entry is EntryOf<'turn.recorded'> => entry.type === 'turn.recorded')
    .reduce((sum, entry) => addUsage(sum, entry.data.usage), noUsage());
