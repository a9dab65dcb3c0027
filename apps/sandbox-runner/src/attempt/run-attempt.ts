import type { AttemptStream, HeldClaim } from '@millwright/audit';
import {
  type AttemptId,
  type AttemptOutcome,
  type AttemptPause,
  AttemptSpec,
  cancelled,
  DriveError,
  type ForwardAct,
  getJson,
  pausesOf,
  type RecordedEntry,
  type RunId,
  terminal,
} from '@millwright/domain';
import { BudgetReached } from './agent.ts';
import { haltedBy } from './halts.ts';
import { actorOf, type Held, type Runner } from './runner.ts';
import { doStage } from './stages.ts';

/** How often a held attempt is looked at for having been closed by the orchestrator, or taken over. */
const WATCH_MS = 500;
const MAX_REASON = 4_000;
/** The database is away, the work is not at fault: the attempt is handed back and gone on with, so that no recorded turn is paid for again. */
const AWAY: readonly string[] = ['trail-unreachable', 'store-unreachable'];
/** An attempt that was claimed this often fails, so that a database that only half works does not keep it for ever. */
const MAX_CLAIMS = 20;

type Stage = typeof doStage;

/**
 * Claims an attempt, does it, closes it. Nothing happens when somebody else holds it or it is closed. When `stop` is aborted the attempt
 * is handed back, with what was recorded of it, for any runner to go on with. Throws only when the trail cannot be reached. `stage`: how the work
 * of a held attempt is done.
 */
export async function runAttempt(
  runner: Runner,
  attempt: AttemptId,
  stop: AbortSignal,
  stage: Stage = doStage,
): Promise<void> {
  if (stop.aborted) return;
  const waits = runner.halted.get(attempt);
  if (waits !== undefined && (await runner.halts.stopped(waits)) !== null) return;
  runner.halted.delete(attempt);
  const claim = await runner.trail.claim(attempt);
  if (claim.kind !== 'claimed') return;
  const stream = runner.trail.stream(claim);
  try {
    await doClaimed(runner, claim, stream, stop, stage);
  } catch (error) {
    // A claim of a living runner is nobody else's to take: it has to be given back.
    await persist(runner, stop, () => stream.release());
    throw error;
  }
}

async function doClaimed(
  runner: Runner,
  claim: HeldClaim,
  stream: AttemptStream,
  stop: AbortSignal,
  stage: Stage,
) {
  const { attempt } = claim;
  const past = await stream.read();
  const first = past.find(({ entry }) => entry?.type === 'attempt.opened');
  const opened = first?.entry;
  if (opened?.type !== 'attempt.opened')
    throw terminal('attempt-unreadable', `${attempt} has no opening entry`);
  const { run, spec: digest } = opened.data;
  runner.note('attempt.claimed', { attempt, run, role: opened.data.role, fence: claim.fence });

  const lost = new AbortController();
  const watching = new AbortController();
  const watch = watchStream(runner, stream, past, lost, watching.signal);
  const signal = AbortSignal.any([stop, lost.signal]);
  let act: ForwardAct = { action: 'stage', repo: null, model: lastModel(past) };
  const beside: Held['beside'] = {};
  let needs: readonly string[] = [];
  try {
    const outcome = await outcomeOf(
      async () => {
        const spec = await getJson(runner.artifacts, AttemptSpec, digest);
        if (spec.attempt !== attempt)
          throw terminal('spec-unreadable', 'the specification is of another attempt');
        needs = spec.config.runner?.labels ?? [];
        const lacks = needs.filter((label) => !runner.labels.has(label));
        if (lacks.length > 0) throw cancelled('unfit', `this runner has no ${lacks.join(', ')}`);
        act = { ...act, repo: spec.repo };
        const does = act;
        return runner.halts.during(
          () => does,
          async (held) => {
            const halt = await runner.halts.stopped(does);
            if (halt !== null) throw haltedBy(halt);
            // Later than the specification has it by as long as the attempt waited for a budget, or was halted.
            const now = runner.clock.now();
            const halted = runner.halts.haltedMs(does, first?.envelope.at ?? now, now);
            const deadline = spec.deadline + pausesOf(past).ms + halted;
            const both = AbortSignal.any([signal, held]);
            return withDeadline(
              { runner, claim, stream, spec: { ...spec, deadline }, past, act: does, beside, signal: both },
              stage,
            );
          },
        );
      },
      signal,
      claim.fence,
      () => runner.clock.now(),
    );
    if (outcome.kind === 'yielded') {
      if (isTakenOver(lost.signal)) await sayLate(runner, stream, stop, outcome.reason);
      const handedBack = await persist(runner, stop, () => stream.release());
      runner.note('attempt.yielded', { attempt, run, reason: outcome.reason, handedBack });
      // Not before it may go on: the orchestrator wakes it then. What a drained runner had goes on with another.
      const halt = await runner.halts.stopped(act).catch(() => null);
      if (halt !== null && halt.scope.kind !== 'runner') runner.halted.set(attempt, act);
      // Whoever fits what needs more than any runner has is woken by the orchestrator, which knows them.
      else if (handedBack && needs.length === 0) await wakeQuietly(runner, 'attempts', attempt);
      return;
    }
    if (outcome.kind === 'paused') {
      const entry = { type: 'attempt.paused', data: outcome.pause } as const;
      const appended = await persist(runner, stop, () => stream.append(actorOf(runner), [entry]));
      await persist(runner, stop, () => stream.release());
      runner.note('attempt.paused', { attempt, run, ...outcome.pause, appended: appended.kind });
      return;
    }
    const { noticed, handedOver } = beside;
    const left =
      outcome.kind === 'done'
        ? noticed && { noticed }
        : outcome.kind === 'failed' && handedOver && { handedOver };
    const closed = { ...outcome, ...left };
    const entry = { type: 'attempt.closed', data: { outcome: closed } } as const;
    const appended = await persist(runner, stop, () => stream.append(actorOf(runner), [entry]));
    runner.note('attempt.closed', { attempt, run, outcome, appended: appended.kind });
    await wakeQuietly(runner, 'runs', run);
  } finally {
    watching.abort();
    await watch;
  }
}

const lastModel = (past: readonly RecordedEntry[]): string | null =>
  past.flatMap(({ entry }) => (entry?.type === 'turn.asked' ? [entry.data.model] : [])).at(-1) ?? null;

const isTakenOver = ({ aborted, reason }: AbortSignal): boolean =>
  aborted && reason instanceof DriveError && reason.code === 'taken-over';

/**
 * A runner that hung and came back may see that it was taken over before it appends anything. It appends all the same: that is refused,
 * and the refusal puts on the trail, once a claim, that it was late (THREATS.md 4).
 */
async function sayLate(
  runner: Runner,
  stream: AttemptStream,
  stop: AbortSignal,
  reason: string,
): Promise<void> {
  const outcome = { kind: 'cancelled', reason } as const;
  const entry = { type: 'attempt.closed', data: { outcome } } as const;
  await persist(runner, stop, () => stream.append(actorOf(runner), [entry]));
}

/** Tries for a minute while the trail cannot be reached. An append of unknown outcome that did happen is `refused` on the next try: closed is closed. */
async function persist<T>(runner: Runner, stop: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      const passing = error instanceof DriveError && error.disposition === 'retryable';
      if (!passing || tries >= (stop.aborted ? 5 : 60)) throw error;
      await runner.clock.sleep(1_000);
    }
  }
}

type Ended = AttemptOutcome | { kind: 'yielded'; reason: string } | { kind: 'paused'; pause: AttemptPause };

async function outcomeOf(
  work: () => Promise<Extract<AttemptOutcome, { kind: 'done' }>['artifact']>,
  signal: AbortSignal,
  claims: number,
  now: () => number,
): Promise<Ended> {
  try {
    return { kind: 'done', artifact: await work() };
  } catch (error) {
    // Whatever broke while the attempt was being taken from us broke because of that.
    if (signal.aborted) return { kind: 'yielded', reason: String(signal.reason) };
    if (error instanceof DriveError && error.disposition === 'cancelled')
      return { kind: 'yielded', reason: error.message };
    if (error instanceof DriveError && AWAY.includes(error.code) && claims < MAX_CLAIMS)
      return { kind: 'yielded', reason: error.message };
    if (error instanceof BudgetReached) return { kind: 'paused', pause: error.pause };
    const reason = (error instanceof Error ? error.message : String(error)).slice(0, MAX_REASON);
    if (error instanceof DriveError)
      return {
        kind: 'failed',
        code: error.code.slice(0, 64),
        retryable: error.disposition === 'retryable',
        ...(error.retryAfterMs === undefined ? {} : { retryAt: now() + error.retryAfterMs }),
        reason,
      };
    // The engine, the disk, a fault of ours: another attempt may meet a healthier machine.
    return { kind: 'failed', code: 'runner-fault', retryable: true, reason };
  }
}

/** Past its deadline an attempt fails with `time`, whatever it is doing. */
async function withDeadline<T>(held: Held, work: (held: Held) => Promise<T>): Promise<T> {
  const { runner, spec } = held;
  const over = new AbortController();
  const done = new AbortController();
  const ms = Math.max(0, spec.deadline - runner.clock.now());
  const timer = runner.clock.sleep(ms, done.signal).then(
    () => over.abort(terminal('time', 'The attempt reached its deadline.')),
    () => undefined, // done before the deadline
  );
  try {
    return await work({ ...held, signal: AbortSignal.any([held.signal, over.signal]) });
  } catch (error) {
    if (over.signal.aborted && !held.signal.aborted) throw over.signal.reason;
    throw error;
  } finally {
    done.abort();
    await timer;
  }
}

/** Aborts `lost` once the stream says that the attempt is no longer ours: closed by the orchestrator, or claimed by another. */
async function watchStream(
  runner: Runner,
  stream: AttemptStream,
  past: readonly RecordedEntry[],
  lost: AbortController,
  until: AbortSignal,
): Promise<void> {
  let version = past.at(-1)?.envelope.version ?? 0;
  while (!until.aborted) {
    const since = await runner.clock
      .sleep(WATCH_MS, until)
      .then(() => stream.read(version))
      .catch(() => []); // the trail is away for a moment, or we are done: the next look, or append, tells
    for (const { envelope, entry } of since) {
      version = envelope.version;
      if (entry?.type === 'attempt.closed')
        lost.abort(cancelled('closed', 'the attempt was closed by the orchestrator'));
      if (entry?.type === 'attempt.claimed')
        lost.abort(cancelled('taken-over', 'another runner has the attempt'));
    }
  }
}

/** A wake-up that does not get through costs time, never work: the orchestrator looks by itself. */
async function wakeQuietly(runner: Runner, topic: 'attempts' | 'runs', id: AttemptId | RunId): Promise<void> {
  await runner.queue
    .wake(topic, id)
    .catch((error: unknown) => runner.note('wake.failed', { topic, id, error: String(error) }));
}
