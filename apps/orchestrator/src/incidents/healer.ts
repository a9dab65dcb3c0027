import type { OpenTrail } from '@millwright/audit';
import type { Clock, Ids, ReleaseId, RepoName, TargetEntry } from '@millwright/domain';
import { type LiveMemory, NOTHING_SEEN, type Reconciled, watchLive } from '@millwright/rollback';
import type { Store } from '@millwright/store';
import type { Logger } from 'pino';
import type { Deployments } from '../releases/deployments.ts';
import type { Pager } from '../releases/pager.ts';
import type { Settings } from '../settings.ts';
import type { Repositories } from '../source-control/repositories.ts';
import type { Forward } from '../streams/forward.ts';
import type { KnownSecrets } from '../streams/known-secrets.ts';
import type { LocalLeases } from '../streams/local-leases.ts';
import type { Register } from '../streams/register.ts';
import type { Streams } from '../streams/streams.ts';
import type { Views } from '../views/views.ts';
import { answerIncidents } from './answer.ts';
import { raise } from './raise.ts';

type Ports = {
  clock: Clock;
  deployments: Deployments;
  deploys: LocalLeases<RepoName>;
  forward: Forward;
  ids: Ids;
  knownSecrets: KnownSecrets;
  log: Logger;
  merges: LocalLeases<RepoName>;
  pager: Pager;
  register: Register;
  repositories: Repositories;
  settings: Settings;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
  views: Views;
};

/** A command target is asked by running a program, perhaps over a network: only every so many turns. */
const COMMAND_TURNS = 5;

/**
 * Keeps what serves as the trail has it. Each turn looks at every target that has a live release, beside everything else; what differs is
 * brought back in the target's deploy lease, and gives way to a deploy or a rollback. Also the health watch of what was promoted.
 *
 * A halt stops none of this: it brings back what was released already. A frozen target is a person's: it is left alone.
 */
export class Healer {
  readonly #factory: Ports;
  readonly #abort = new AbortController();
  readonly #busy = new Map<RepoName, Promise<void>>();
  readonly #seen = new Map<RepoName, { release: ReleaseId; memory: LiveMemory }>();
  #timer: NodeJS.Timeout | null = null;
  #stopListening: () => void = () => undefined;
  #answering: Promise<void> | null = null;
  #turns = 0;

  constructor(factory: Ports) {
    this.#factory = factory;
  }

  start(): void {
    this.#timer = setInterval(() => this.turn(), this.#factory.settings.healMs);
    this.#stopListening = this.#factory.views.listen(({ entry }) => {
      if (entry?.type === 'ticket.incident-raised') this.#answer();
    });
  }

  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    this.#stopListening();
    this.#abort.abort(new Error('the factory stops'));
    await Promise.all([...this.#busy.values(), this.#answering]);
  }

  /** One look at every target; those whose last look is not over yet are left out. */
  turn(): void {
    this.#turns += 1;
    this.#answer();
    for (const repo of this.#factory.views.open.targets.keys()) {
      if (this.#busy.has(repo)) continue;
      const look = this.#target(repo)
        .catch((error: unknown) => {
          if (!this.#abort.signal.aborted)
            this.#factory.log.warn(
              { repo, err: error },
              'a target could not be looked at; it is tried again',
            );
        })
        .finally(() => this.#busy.delete(repo));
      this.#busy.set(repo, look);
    }
  }

  /** One at a time; what comes meanwhile is answered in the next turn at the latest. */
  #answer(): void {
    this.#answering ??= answerIncidents(this.#factory)
      .catch((error: unknown) => {
        this.#factory.log.warn({ err: error }, 'incidents could not be answered; it is tried again');
      })
      .finally(() => {
        this.#answering = null;
      });
  }

  async #target(repo: RepoName): Promise<void> {
    const { deployments, deploys } = this.#factory;
    if (!(await this.#mine(repo))) return;
    const desired = await deployments.desired(repo);
    if (desired === null) return;
    if (desired.run.config.target === 'command' && this.#turns % COMMAND_TURNS !== 0) return;
    await this.#watch(repo);
    if (!(await deployments.differs(repo))) return;
    // Looked at again in the lease: what a deploy was changing a moment ago is not a fault.
    await deploys.run(repo, () => this.#heal(repo));
  }

  /** Nothing is healed under somebody's hands: a deploy or a rollback under way (a crashed one is resumed), or a person's freeze. */
  async #mine(repo: RepoName): Promise<boolean> {
    const { forward, register, deploys } = this.#factory;
    const { live, frozen } = await forward.target(repo);
    if (live === null || frozen !== null || deploys.busy(repo)) return false;
    return !(await register.look()).open(repo).some(({ deploy }) => deploy?.kind === 'started');
  }

  async #heal(repo: RepoName): Promise<void> {
    const { forward, deployments, deploys } = this.#factory;
    const { live, frozen, healPausedUntil, fence } = await forward.target(repo);
    if (live === null || frozen !== null || this.#abort.signal.aborted) return;
    const waited = new AbortController();
    const yields = setInterval(() => {
      if (deploys.isWaitedFor(repo)) waited.abort(new Error('a deploy or a rollback waits'));
    }, 50);
    try {
      const healed = await deployments.heal(repo, AbortSignal.any([waited.signal, this.#abort.signal]));
      if (healed !== null) await this.#record(repo, live, fence, healed, healPausedUntil);
    } finally {
      clearInterval(yields);
    }
  }

  async #record(
    repo: RepoName,
    release: ReleaseId,
    fence: number,
    healed: Reconciled,
    pausedUntil: number | null,
  ): Promise<void> {
    const { deployments, clock, log } = this.#factory;
    const say = (entry: TargetEntry) => deployments.append(repo, entry);
    const data = { release, fence };
    switch (healed.kind) {
      case 'in_order':
      case 'waiting':
        return;
      case 'fenced':
        log.warn({ repo, by: healed.by }, 'a target is held by a later fence than the trail knows of');
        return;
      case 'healed':
        await say({
          type: 'target.healed',
          data: { ...data, ms: Math.round(healed.ms), reason: cut(healed.what) },
        });
        if (healed.repeats) await this.#incident(repo, release, `healing repeats: ${healed.what}`);
        return;
      case 'not_healed':
        await say({
          type: 'target.not-healed',
          data: { ...data, what: cut(healed.what), reason: cut(healed.reason) },
        });
        if (healed.repeats)
          await this.#incident(repo, release, `${healed.what}; not healed: ${healed.reason}`);
        return;
      case 'given_up': {
        if (pausedUntil !== null && pausedUntil > clock.now()) return;
        const until = Math.round(clock.now() + healed.ms);
        await say({
          type: 'target.heal-paused',
          data: { ...data, tries: healed.tries, until, reason: cut(healed.what) },
        });
        await this.#incident(repo, release, `not healed in ${healed.tries} tries: ${healed.what}`);
      }
    }
  }

  async #incident(repo: RepoName, release: ReleaseId, text: string): Promise<void> {
    const { forward, clock } = this.#factory;
    const { heals } = await forward.target(repo);
    const tries = heals.map(
      ({ at, ok, text: what }) => `${new Date(at).toISOString()} ${ok ? 'healed' : 'not healed'}: ${what}`,
    );
    await raise(this.#factory, {
      repo,
      fingerprint: `heal/${release}`,
      title: `${repo}: what serves does not stay up`,
      text: [text, ...tries].join('\n'),
      startedAt: heals[0]?.at ?? clock.now(),
    });
  }

  /** Figures of what was promoted: a fault that shows only after its canary is an incident too. */
  async #watch(repo: RepoName): Promise<void> {
    const { forward, deployments, clock } = this.#factory;
    const { live } = await forward.target(repo);
    if (live === null) return;
    const figures = await deployments.figures(repo);
    if (figures === null) return;
    const before = this.#seen.get(repo);
    const { memory, sick } = watchLive(
      before?.release === live ? before.memory : NOTHING_SEEN,
      { at: clock.now(), requests: figures.requests, errors: figures.errors },
      figures.errorRate,
    );
    this.#seen.set(repo, { release: live, memory });
    if (sick === null) return;
    const startedAt = memory[0]?.at ?? clock.now();
    await raise(this.#factory, {
      repo,
      fingerprint: `health/${live}`,
      title: `${repo}: requests fail`,
      text: sick,
      startedAt,
    });
  }
}

const cut = (text: string): string => text.slice(0, 4_000);
