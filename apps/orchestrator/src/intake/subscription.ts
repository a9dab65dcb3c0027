import type { DeadClaim, OpenTrail } from '@millwright/audit';
import type { AttemptInfo, Clock, Fold, Ids } from '@millwright/domain';
import {
  type AttemptId,
  DriveError,
  type EntryType,
  type RecordedEntry,
  type RepoName,
  type RunId,
  streamOf,
} from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { Logger } from 'pino';
import type { Deployments } from '../releases/deployments.ts';
import type { Driver } from '../runs/driver.ts';
import { needsOf } from '../runs/needs.ts';
import type { Turns } from '../runs/turns.ts';
import type { Settings } from '../settings.ts';
import type { Repositories } from '../source-control/repositories.ts';
import { leftOf } from '../streams/budgets.ts';
import type { Forward } from '../streams/forward.ts';
import { lifts, stops } from '../streams/forward.ts';
import type { KnownSecrets } from '../streams/known-secrets.ts';
import type { LocalLeases } from '../streams/local-leases.ts';
import type { Register } from '../streams/register.ts';
import type { Runners } from '../streams/runners.ts';
import type { Streams } from '../streams/streams.ts';
import type { Views } from '../views/views.ts';
import { reconcile } from './reconcile.ts';
import { movesOn, resumeParked } from './resume.ts';
import { openRun, rejoinTicket, settleTicket } from './tickets.ts';

type Ports = {
  clock: Clock;
  deployments: Deployments;
  deploys: LocalLeases<RepoName>;
  forward: Forward;
  ids: Ids;
  knownSecrets: KnownSecrets;
  log: Logger;
  merges: LocalLeases<RepoName>;
  register: Register;
  repositories: Repositories;
  runners: Runners;
  settings: Settings;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
  turns: Turns;
  views: Views;
};

/** How often pending work is derived again from the trail, whatever was or was not woken. Milliseconds. */
const SWEEP = 1_000;
/** How often claims of dead runners are looked for. A kill is seen by its free advisory lock. Milliseconds. */
const CLAIMS = 100;
/** How often it is asked whether an attempt that waits for a budget can go on. Milliseconds. */
const BUDGETS = 500;

/** What makes tickets and parked runs go on. */
const WAKES = new Set<EntryType>(['run.closed', 'run.resumed', 'ticket.filed', 'factory.budget-set']);
/** What a run of a merge queue does that lets another one move. */
const MOVES = new Set<EntryType>([
  'change.queued',
  'change.composed',
  'change.tested',
  'task.reviewed',
  'review.skipped',
  'base.moved',
  'gate.decided',
  'gate.approved',
  'gate.denied',
  'gate.expired',
  'merge.finished',
  'merge.refused',
  'run.parked',
  'run.resumed',
  'run.stop-asked',
  'run.closed',
]);

/**
 * Hears every entry, drives the runs that entries concern, opens runs for tickets and draws closed runs into their
 * tickets. The queue only wakes: everything here is derived from the trail at start and in every sweep.
 */
export class IntakeSubscription {
  readonly #factory: Ports;
  readonly #driver: Driver;
  readonly #abort = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];
  #stopListening: () => void = () => undefined;
  #sweeping = false;
  #sweepAgain = false;
  readonly #lastWake = new Map<string, number>();

  constructor(factory: Ports, driver: Driver) {
    this.#factory = factory;
    this.#driver = driver;
  }

  async start(): Promise<void> {
    const { turns, views } = this.#factory;
    for (const { attempt, run, model, paused } of views.open.attempts.values()) {
      const state = views.open.run(run);
      if (state === undefined) continue;
      const needs = await needsOf(this.#factory, state);
      turns.takeUp({ attempt, run, repo: state.repo, needs, model, paused: paused !== null });
    }
    this.#stopListening = this.#factory.views.listen((one, about) => this.#onEntry(one, about));
    this.#timers.push(
      setInterval(() => this.wake(), SWEEP),
      setInterval(() => void this.#claims(), CLAIMS),
    );
    for (const id of this.#factory.views.open.runs.keys()) this.#driver.drive(id);
    this.wake();
  }

  /** Sweeps now, or once more after the sweep under way. */
  wake(): void {
    if (this.#sweeping) this.#sweepAgain = true;
    else void this.#sweep();
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#abort.abort();
    this.#stopListening();
  }

  /** An attempt that ended, and any word of a person, moves its run on. */
  #onEntry(one: RecordedEntry, about: Fold): void {
    const { envelope, entry } = one;
    this.#factory.turns.hear(one);
    if (stops(entry) || lifts(entry))
      this.#factory.forward
        .hear()
        .catch((error: unknown) => this.#factory.log.warn({ err: error }, 'a halt is looked at again'));
    if (lifts(entry)) {
      for (const id of this.#factory.views.open.runs.keys()) this.#driver.drive(id);
    }
    if (entry?.type === 'attempt.closed') {
      const run = about.attempts.get(envelope.stream.slice('attempt/'.length) as never)?.run;
      if (run) this.#driver.drive(run);
    }
    if (
      entry?.type === 'run.opened' ||
      entry?.type === 'run.resumed' ||
      entry?.type === 'gate.approved' ||
      entry?.type === 'gate.denied' ||
      entry?.type === 'question.answered'
    )
      this.#driver.drive(envelope.stream.slice('run/'.length) as RunId);
    if (entry && WAKES.has(entry.type)) this.wake();
    if (entry && MOVES.has(entry.type) && envelope.stream.startsWith('run/'))
      this.#moveQueue(about.run(envelope.stream.slice('run/'.length) as RunId)?.repo);
  }

  /** Those that waited in a repository's merge queue and need not any more. */
  #moveQueue(repo: RepoName | undefined): void {
    if (repo === undefined) return;
    for (const id of movesOn(this.#factory.views.open, repo, this.#factory.clock.now()))
      this.#driver.drive(id);
  }

  async #sweep(): Promise<void> {
    this.#sweeping = true;
    try {
      do {
        this.#sweepAgain = false;
        await this.#reconcile();
      } while (this.#sweepAgain && !this.#abort.signal.aborted);
    } finally {
      this.#sweeping = false;
    }
  }

  /** What the trail says is pending, whoever was or was not woken: runs to open, tickets to settle, attempts that nobody has claimed. */
  async #reconcile(): Promise<void> {
    const { views, log, turns } = this.#factory;
    turns.settle();
    await this.#guard('tickets', async () => {
      const { tickets, runs } = views.open;
      // A run that is over and not folded into its ticket yet; a ticket that was over, and whose run goes on.
      const unsettled = [...tickets.values()].filter(
        ({ state, runs: of }) => state === 'running' && !of.slice(-1).some((run) => runs.has(run)),
      );
      const goneOnWith = [...runs.values()].flatMap(({ state }) =>
        state.kind === 'run' && !tickets.has(state.ticket) ? [state.ticket] : [],
      );
      const fold = await views.with({ tickets: [...unsettled.map(({ id }) => id), ...goneOnWith] });
      for (const ticket of fold.tickets.values())
        await this.#guard(ticket.id, async () => {
          const last = ticket.runs.at(-1);
          const run = last === undefined ? undefined : fold.run(last);
          if (run?.closed) await settleTicket(this.#factory, ticket, run);
          await rejoinTicket(this.#factory, ticket, run);
          const opened = await openRun(this.#factory, ticket, run);
          if (opened) this.#driver.drive(opened);
        });
    });
    const { attempts, runs, repos } = views.open;
    for (const attempt of attempts.values()) {
      if (attempt.claimedAt !== null || !runs.has(attempt.run)) continue;
      if (!this.#due(attempt.attempt, 2_000)) continue;
      await this.#guard(attempt.attempt, async () => {
        await this.#wake(attempt);
      });
    }
    await this.#guard('parked runs', () => resumeParked(this.#factory));
    for (const repo of repos.keys()) this.#moveQueue(repo);
    await this.#guard('reconciliation', () => reconcile(this.#factory));
    if (this.#abort.signal.aborted) log.debug('the last sweep is over');
  }

  async #claims(): Promise<void> {
    await this.#guard('claims', async () => {
      const { streams, trail, views } = this.#factory;
      const dead = await trail.deadClaims();
      // Why a claim was let go of is known to the views a moment later: who waits for a budget is not woken.
      if (dead.some(({ attempt }) => views.open.attempts.get(attempt)?.paused == null))
        await streams.shown(await trail.head());
      const { attempts, effects } = views.open;
      const waits = dead.filter(({ attempt }) => attempts.get(attempt)?.paused != null);
      const free = dead.filter((claim) => !waits.includes(claim));
      effects.dead = new Set(free.map(({ attempt }) => streamOf.attempt(attempt)));
      for (const { attempt } of [...free, ...(await this.#affordable(waits))])
        if (this.#due(attempt, 400)) await this.#wake(attempts.get(attempt));
    });
  }

  /** Of the attempts that wait for a budget, those that it allows now, whoever made room: a person, or a call that cost less than it might. */
  async #affordable(waits: readonly DeadClaim[]): Promise<DeadClaim[]> {
    if (waits.length === 0 || !this.#due('budgets', BUDGETS)) return [];
    const pausedOf = (attempt: AttemptId) => this.#factory.views.open.attempts.get(attempt)?.paused;
    const scopes = waits.flatMap(({ attempt }) => pausedOf(attempt)?.scope ?? []);
    const found = await this.#factory.store.budget.list({ scopes });
    const lines = new Map(found.map((line) => [line.scope, line]));
    return waits.filter(({ attempt }) => {
      const paused = pausedOf(attempt);
      return paused != null && leftOf(lines.get(paused.scope)) >= paused.needUsd;
    });
  }

  /** A stage that is halted wakes no runner. */
  async #wake(attempt: AttemptInfo | undefined): Promise<void> {
    const run = attempt && this.#factory.views.open.run(attempt.run);
    if (attempt === undefined || run === undefined) return;
    const model = attempt.asks?.model ?? attempt.model;
    const stop = await this.#factory.forward.stopped({ action: 'stage', repo: run.repo, model });
    if (stop === null) await this.#factory.runners.wake(attempt.attempt, await needsOf(this.#factory, run));
  }

  /** True at most once in `ms` for the same thing. */
  #due(id: string, ms: number): boolean {
    const now = this.#factory.clock.now();
    if (now - (this.#lastWake.get(id) ?? 0) < ms) return false;
    this.#lastWake.set(id, now);
    return true;
  }

  async #guard(what: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      const quiet = error instanceof DriveError && error.disposition !== 'terminal';
      this.#factory.log[quiet ? 'info' : 'warn'](
        { err: error, what },
        'a sweep could not finish this; it is tried again',
      );
    }
  }
}
