import type { OpenTrail, Sealer } from '@millwright/audit';
import type { Clock, Ids, Queue, RepoName } from '@millwright/domain';
import { DriveError, type HaltAction, type Run, type RunId, type Todo, todo } from '@millwright/domain';
import type { Secrets, Store } from '@millwright/store';
import type { Logger } from 'pino';
import type { Deployments } from '../releases/deployments.ts';
import type { Pager } from '../releases/pager.ts';
import type { Settings } from '../settings.ts';
import type { Repositories } from '../source-control/repositories.ts';
import { isAwaitingCheckpoint } from '../streams/await-checkpoint.ts';
import type { Forward } from '../streams/forward.ts';
import type { KnownSecrets } from '../streams/known-secrets.ts';
import type { LocalLeases } from '../streams/local-leases.ts';
import type { Register } from '../streams/register.ts';
import { type Loaded, load, record } from '../streams/run-stream.ts';
import type { Runners } from '../streams/runners.ts';
import type { Streams } from '../streams/streams.ts';
import type { Journal, StepResult } from './step.ts';
import { attest } from './steps/attest.ts';
import { close } from './steps/close.ts';
import { deploy } from './steps/deploy.ts';
import { askGate, judgeGate } from './steps/gates.ts';
import { compose, integrate } from './steps/integrate.ts';
import { lineUpRun } from './steps/line-up.ts';
import { merge } from './steps/merge.ts';
import { park, remind } from './steps/park.ts';
import { rehearse } from './steps/rehearse.ts';
import { revert } from './steps/revert.ts';
import { askAboutSameFailure } from './steps/same-failure.ts';
import { awaitStage, cancelStage, openStage } from './steps/stages.ts';
import { take } from './steps/take.ts';
import type { Turns } from './turns.ts';

type Ports = {
  clock: Clock;
  deployments: Deployments;
  deploys: LocalLeases<RepoName>;
  forward: Forward;
  ids: Ids;
  knownSecrets: KnownSecrets;
  log: Logger;
  merges: LocalLeases<RepoName>;
  modelKey: boolean | null;
  pager: Pager;
  queue: Queue;
  register: Register;
  repositories: Repositories;
  runners: Runners;
  retrying: Map<RunId, string>;
  sealer: Sealer;
  secrets: Secrets;
  settings: Settings;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
  turns: Turns;
  awaitingCheckpoint: Map<RunId, string>;
};

/** Somebody else wrote to the run while a step was at work: load, and decide again. */
class Overtaken extends Error {}

/** Waits between tries of a step double from `settings.retryMs` up to so many times it; longer where the error asks for it. */
const LONGEST_RETRY = 64;
/** A fault that nobody foresaw, of which nobody knows whether it passes, stops the run after so many tries on end. */
const MAX_FAULTS = 8;

/**
 * Drives runs: loads a run, asks `todo` what is due, does it, records it, until only waits are left. Any number of calls for the same
 * run collapse into one at work and one more after it. Everything here can be lost at any line: the next drive derives the same steps.
 */
export class Driver {
  readonly #factory: Ports;
  readonly #active = new Map<RunId, { again: boolean; done: Promise<void> }>();
  readonly #failures = new Map<RunId, number>();
  /** Where a step failed and asked for a pause: nothing is tried before, whoever drives, unless the run has changed since. */
  readonly #pauses = new Map<RunId, { at: number; version: number }>();
  readonly #versions = new Map<RunId, number>();
  readonly #timers = new Map<RunId, { at: number; timer: NodeJS.Timeout }>();
  #stopped = false;

  constructor(factory: Ports) {
    this.#factory = factory;
  }

  drive(id: RunId): void {
    if (this.#stopped) return;
    const active = this.#active.get(id);
    if (active) {
      active.again = true;
      return;
    }
    const entry = { again: false, done: Promise.resolve() };
    this.#active.set(id, entry);
    entry.done = this.#whole(id).finally(() => {
      this.#active.delete(id);
      if (entry.again) this.drive(id);
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    await Promise.all([...this.#active.values()].map((one) => one.done));
  }

  async #whole(id: RunId): Promise<void> {
    try {
      if (await this.#steps(id)) this.#failures.delete(id);
    } catch (error) {
      await this.#failed(id, error);
    }
  }

  /** False where a pause was asked for that is not over. */
  async #steps(id: RunId): Promise<boolean> {
    let loaded = await load(this.#factory, id);
    const pause = this.#pauses.get(id);
    if (pause !== undefined && pause.version === loaded?.version && pause.at > this.#factory.clock.now()) {
      this.#wakeAt(id, pause.at);
      return false;
    }
    this.#pauses.delete(id);
    while (loaded && !loaded.run.closed && !this.#stopped) {
      this.#versions.set(id, loaded.version);
      const next: Loaded | null = await this.#round(loaded);
      if (next === null) return true;
      loaded = next === OVERTAKEN ? await load(this.#factory, id) : next;
    }
    this.#versions.delete(id);
    return true;
  }

  /** One round: every due step in order, until one of them recorded something. Null when nothing is to be recorded now. */
  async #round(loaded: Loaded): Promise<Loaded | null> {
    const due = todo(loaded.run, this.#factory.clock.now());
    let waits: unknown = null;
    for (const step of due) {
      if (step.do === 'wait') this.#wakeAt(loaded.run.id, step.until);
      try {
        const next = await this.#step(loaded, step);
        if (next) return next;
      } catch (error) {
        if (error instanceof Overtaken) return OVERTAKEN;
        if (!isHalted(error)) throw error;
        // What is done already is recorded all the same.
        waits = error;
      }
    }
    if (waits !== null) throw waits;
    return null;
  }

  async #step(loaded: Loaded, step: Todo): Promise<Loaded | null> {
    let current = loaded;
    const journal: Journal = async (entry) => {
      const result = await record(this.#factory, current, entry);
      if (result.kind === 'conflict') throw new Overtaken();
      if (result.kind === 'rejected')
        throw new DriveError('terminal', 'step-rejected', `${entry.type} was rejected: ${result.reason}`);
      current = result.loaded;
      return current;
    };
    const action = goesForward(loaded.run, step);
    const does = () => this.#do(loaded, step, journal);
    const act = action === null ? null : { action, repo: loaded.run.repo, model: null };
    const entry =
      act === null
        ? await does()
        : await this.#factory.forward.during(act, `${step.do} of ${loaded.run.id}`, does);
    this.#factory.awaitingCheckpoint.delete(loaded.run.id);
    this.#factory.retrying.delete(loaded.run.id);
    if (entry) await journal(entry);
    return current === loaded ? null : current;
  }

  #do({ run, version }: Loaded, step: Todo, journal: Journal): Promise<StepResult> {
    const factory = this.#factory;
    switch (step.do) {
      case 'ask-gate':
        return askGate(factory, run, step, journal);
      case 'judge-gate':
        return judgeGate(factory, run, step);
      case 'expire-gate':
        return Promise.resolve({ type: 'gate.expired', data: { gate: step.gate } });
      case 'open-stage':
        return openStage(factory, run, step, journal);
      case 'await-stage':
        return awaitStage(factory, run, step, (ms) => this.#wakeAt(run.id, ms));
      case 'cancel-stage':
        return cancelStage(factory, run, step);
      case 'take':
        return take(factory, run, step);
      case 'ask-stuck':
        return askAboutSameFailure(factory, run, step);
      case 'integrate':
        return integrate(factory, run, step);
      case 'line-up':
        return lineUpRun(factory, run, journal);
      case 'park':
        return park(factory, run, step);
      case 'remind':
        return remind(factory, run);
      case 'compose':
        return compose(factory, run);
      case 'merge':
        return merge(factory, run, step, journal);
      case 'rehearse':
        return rehearse(factory, run);
      case 'attest':
        return attest(factory, run, step);
      case 'deploy':
        return deploy(factory, run, step, journal);
      case 'revert':
        return revert(factory, run, journal);
      case 'close':
        return close(factory, run, version, step);
      case 'wait':
        return Promise.resolve(null);
    }
  }

  /** Drives again at `at`, or in an hour, whichever is sooner; of several calls the soonest counts. */
  #wakeAt(id: RunId, at: number): void {
    const set = this.#timers.get(id);
    if (set && set.at <= at) return;
    clearTimeout(set?.timer);
    const delay = Math.min(Math.max(at - this.#factory.clock.now(), 10), 3_600_000);
    const timer = setTimeout(() => {
      this.#timers.delete(id);
      this.drive(id);
    }, delay);
    this.#timers.set(id, { at, timer: timer.unref() });
  }

  /**
   * A retryable failure is tried again as long as the run has time, and no sooner than it asks for; a terminal one, or too many unforeseen
   * ones, stop the run with what happened.
   */
  async #failed(id: RunId, error: unknown): Promise<void> {
    if (error instanceof DriveError && error.disposition === 'cancelled') return;
    // A halt is no failure: the run waits, and `resume` or a thaw drives it.
    if (isHalted(error)) return this.#wakeAt(id, this.#factory.clock.now() + 30_000);
    if (error instanceof DriveError && error.code === 'gives-way')
      return this.#wakeAt(id, this.#factory.clock.now() + 200);
    if (isAwaitingCheckpoint(error)) {
      this.#factory.awaitingCheckpoint.set(id, error.message);
      this.#factory.log.warn(
        { run: id, err: error },
        'a run waits for the seal of what allows its next step',
      );
      return this.#wakeAt(id, this.#factory.clock.now() + 5_000);
    }
    const failures = (this.#failures.get(id) ?? 0) + 1;
    this.#failures.set(id, failures);
    const text = error instanceof Error ? error.message : String(error);
    this.#factory.log.warn({ run: id, failures, err: error }, 'a step failed');
    const retry = error instanceof DriveError ? error.disposition === 'retryable' : failures <= MAX_FAULTS;
    if (retry) {
      const asked = error instanceof DriveError ? (error.retryAfterMs ?? 0) : 0;
      const wait = Math.max(
        asked,
        this.#factory.settings.retryMs * Math.min(2 ** (failures - 1), LONGEST_RETRY),
      );
      const at = this.#factory.clock.now() + wait;
      const version = this.#versions.get(id);
      if (asked > 0 && version !== undefined) this.#pauses.set(id, { at, version });
      if (failures > 1)
        this.#factory.retrying.set(
          id,
          `${text}; tried ${failures} times, again at ${new Date(at).toISOString()}`,
        );
      this.#wakeAt(id, at);
      return;
    }
    await this.#stopRun(id, text);
  }

  async #stopRun(id: RunId, text: string): Promise<void> {
    try {
      const loaded = await load(this.#factory, id);
      if (!loaded || loaded.run.closed) return;
      const result = await record(this.#factory, loaded, {
        type: 'run.stop-asked',
        data: { end: 'failed', reason: text.slice(0, 3_900) },
      });
      if (result.kind === 'rejected') this.#wakeAt(id, this.#factory.clock.now() + 30_000);
      else this.drive(id);
    } catch (error) {
      this.#factory.log.error(
        { run: id, err: error },
        'a failed run could not be stopped; it is tried again',
      );
      this.#wakeAt(id, this.#factory.clock.now() + 5_000);
    }
  }
}

const OVERTAKEN = {} as Loaded;

const isHalted = (error: unknown): boolean => error instanceof DriveError && error.code === 'halted';

/** What of a run's steps goes forward, and so is asked for first. A rehearsal and a deploy ask themselves, in their target's lease. */
function goesForward(run: Run, step: Todo): HaltAction | null {
  switch (step.do) {
    case 'ask-gate':
      return step.action;
    case 'judge-gate':
      // A halt or a freeze would be a final deny here, and they are meant to pass.
      return run.gates.find((one) => one.gate === step.gate)?.action ?? null;
    case 'open-stage':
      return 'stage';
    case 'merge':
      return 'merge';
    default:
      return null;
  }
}

/** The same for people to read: what a run that is not at its end would do next. */
export const forwardActionOf = (run: Run, now: number): HaltAction | null =>
  todo(run, now)
    .map((step) =>
      step.do === 'await-stage'
        ? 'stage'
        : step.do === 'rehearse' || step.do === 'deploy'
          ? 'deploy'
          : goesForward(run, step),
    )
    .find((action) => action !== null) ?? null;
