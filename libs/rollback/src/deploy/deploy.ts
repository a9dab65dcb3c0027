import type { SmokeRun } from '../canary/checks.ts';
import { resolveChecks } from '../canary/resolve-checks.ts';
import { Watch } from '../canary/watch.ts';
import { messageOf } from '../message-of.ts';
import { type Done, type Failure, failure } from '../outcome.ts';
import { RETENTION } from '../targets/retention.ts';
import { checkRun } from '../targets/run-config.ts';
import { Fenced, type ReleaseRef, type Target, type Weights } from '../targets/target.ts';
import { unlessAborted } from '../unless-aborted.ts';
import { type Effect, Effects, type Reversible } from './effect.ts';
import { Evidence } from './evidence.ts';
import { awaitHealthy } from './healthy.ts';
import {
  type DeployOrder,
  type DeployResult,
  type HeldBack,
  Hold,
  type Judged,
  type NotDeployed,
  type PrepareResult,
  type RetireOrder,
  type RolledBack,
  type StepSeen,
  type Verdict,
} from './order.ts';
import { forthAndBack } from './rehearse.ts';
import { stuckOn, trafficBack, verify } from './verify.ts';

// Forward, in steps that are each journaled, idempotent and undone in reverse order:
//   proxy and image → start beside the old one → healthy → rehearsal at weight 0 → canary steps with bake.
// Killed anywhere, the same order with the same fence converges: the target is read, not remembered.

/** A smoke command may take this long. */
const SMOKE_MS = 60_000;

/** What ends a deploy before it is promoted. */
type Stop =
  | { verdict: Verdict; reason: string; needs?: string | null }
  | { failure: Failure }
  | { hold: string };

/** One deploy under way: the caller has its fence. */
class Deploying {
  readonly #target: Target;
  readonly #order: DeployOrder;
  readonly #effects: Effects;
  readonly #evidence: Evidence;
  readonly #steps: StepSeen[] = [];
  #healthyMs = 0;
  /** The old release's rate of errors beside the new one. */
  #baseline = 0;
  #backFailed: string | null = null;
  #rehearsalMs: number | null = null;
  #backAt: number | null = null;
  #shifted = false;
  #told: Promise<void> = Promise.resolve();
  /** A live release that the target has no container of (removed by hand, new machine) cannot be given traffic: like a first deploy. */
  #liveRuns = false;

  constructor(target: Target, order: DeployOrder, effects: Effects) {
    this.#target = target;
    this.#order = order;
    this.#effects = effects;
    this.#evidence = new Evidence(order.run.secrets);
  }

  async prepareOnly(): Promise<PrepareResult> {
    const stop = await this.#forward(() => this.#prepare());
    if (stop !== null) return this.#end(stop);
    return { kind: 'prepared', release: this.#order.release.id, ms: this.#healthyMs };
  }

  async go(): Promise<DeployResult> {
    const stop = await this.#forward(async () => (await this.#prepare()) ?? (await this.#canary()));
    if (stop !== null) return this.#end(stop);
    const { release, live, run } = this.#order;
    return {
      kind: 'promoted',
      release: release.id,
      previous: live?.id ?? null,
      rehearsalMs: this.#rehearsalMs,
      steps: this.#steps,
      evidence: this.#evidence.text(`canary ${run.config.canary.steps.join(', ')} %`),
    };
  }

  /** Null when the release has all traffic and baked well. An abort is a stop; other throws are the driver's. */
  async #forward(work: () => Promise<Stop | null>): Promise<Stop | null> {
    try {
      return await work();
    } catch (error) {
      if (this.#order.signal?.aborted && !(error instanceof Fenced)) {
        const { reason } = this.#order.signal;
        if (reason instanceof Hold) return { hold: reason.message };
        return { verdict: 'cancelled', reason: messageOf(reason) };
      }
      if (!(error instanceof Fenced)) await this.#calm();
      throw error;
    }
  }

  /** Journal or engine fail in the middle: nobody watches now, so the old release serves until the deploy is run again. */
  async #calm(): Promise<void> {
    if (!this.#shifted) return;
    try {
      await this.#target.shift(this.#weights(0), this.#order.fence);
    } catch (error) {
      this.#evidence.add('trouble', `traffic could not be sent back: ${messageOf(error)}`);
    }
  }

  async #prepare(): Promise<Stop | null> {
    const { release, run, signal, clock, healthyWithinMs = 30_000 } = this.#order;
    const now = await this.#target.state();
    this.#liveRuns = now.releases.some((each) => each.id === this.#order.live?.id);
    // Traffic that a killed run of this deploy had given it: whatever ends this one takes it back.
    this.#shifted = now.serving.has(release.id);
    if (signal?.aborted && !(signal.reason instanceof Hold)) {
      this.#adoptAll();
      throw signal.reason;
    }
    if (now.condemned === release.id) return this.#goOnBack();
    signal?.throwIfAborted();
    const grounds = await this.#sideBySide([
      // Left behind: a proxy or an image without traffic disturbs nobody, and the next deploy needs them.
      {
        ...this.#named('proxy'),
        undo: 'reversible',
        run: () => this.#target.ensureProxy(run),
        reverse: null,
      },
      {
        ...this.#named('materialise'),
        undo: 'reversible',
        run: () => this.#target.materialise(release),
        reverse: null,
      },
    ]);
    const prepared = grounds ?? (await this.#sideBySide([this.#start()]));
    // Traffic that a killed run of this deploy had given it (or may have: a proxy that is down cannot be asked) is undone as well.
    if (now.proxy === 'down' || now.serving.has(release.id)) this.#effects.adopt(this.#shiftTo('shift', 0));
    if (prepared !== null) return { failure: prepared };
    const strangers = [...now.serving.keys()].filter(
      (id) => id !== release.id && id !== this.#order.live?.id,
    );
    if (strangers.length > 0) {
      const settled = await this.#shift('settle', now.serving.get(release.id) ?? 0);
      if (settled !== null) return { failure: settled };
    }
    const health = await unlessAborted(
      awaitHealthy(this.#target, release.id, healthyWithinMs, clock, signal),
      signal,
    );
    if (health.kind === 'never_healthy') return { verdict: 'never_healthy', reason: health.reason };
    this.#healthyMs = health.ms;
    this.#evidence.add('healthy', `after ${Math.round(health.ms)} ms`);
    return null;
  }

  /** This deploy had begun to go back when it was killed: it never goes forward again. */
  #goOnBack(): Stop {
    this.#adoptAll();
    return {
      verdict: 'degraded',
      reason: 'it was given up before the factory stopped; going back was finished now',
    };
  }

  /** Whatever a killed run of this deploy did is undone. */
  #adoptAll(): void {
    this.#effects.adopt(this.#start());
    this.#effects.adopt(this.#shiftTo('shift', 0));
  }

  #start(): Effect<Done | Failure> {
    const { release, run, fence } = this.#order;
    return {
      ...this.#named('start'),
      undo: 'reversible',
      run: () => this.#target.start(release, run),
      reverse: async () => {
        this.#evidence.add('log', await this.#target.logs(release.id, 12_000));
        await this.#target.stop(release.id, fence);
      },
    };
  }

  /** Neither needs the other. All are over before anything else happens, also where one fails: what goes on behind an undo is not undone. */
  async #sideBySide(effects: readonly Effect<Done | Failure>[]): Promise<Failure | null> {
    this.#order.signal?.throwIfAborted();
    const running = effects.map((effect) => this.#effects.run(effect));
    await Promise.allSettled(running);
    const results = await Promise.all(running);
    return results.find((result) => result.kind === 'failed') ?? null;
  }

  async #canary(): Promise<Stop | null> {
    const { release, live, run, clock, checks = [], smoke, maxBakes } = this.#order;
    const before = (await this.#target.state()).serving.get(release.id) ?? 0;
    // A deploy that was killed goes on at the share it had reached, which bakes again; a fresh one is rehearsed first.
    if (before === 0) {
      const rehearsed = await this.#rehearse();
      if (rehearsed !== null) return rehearsed;
    } else this.#shifted = true;
    const first =
      this.#liveRuns && this.#target.weighted ? run.config.canary.steps.filter((step) => step < 100) : [];
    const steps = [...first.sort((a, b) => a - b), 100].filter((step) => step >= Math.floor(before));
    const watch = new Watch(this.#target, {
      release: release.id,
      old: this.#liveRuns ? (live?.id ?? null) : null,
      config: run.config,
      clock,
      checks: [...resolveChecks(run.config, smoke ?? this.#smoke), ...checks],
      maxBakes,
    });
    try {
      for (const percent of steps) {
        const stop = await this.#step(percent, watch);
        if (stop !== null) return stop;
      }
      return null;
    } finally {
      this.#baseline = watch.baseline;
      watch.close();
    }
  }

  async #step(percent: number, watch: Watch): Promise<Stop | null> {
    const { signal, beforePromotion, steering, shifted: told } = this.#order;
    signal?.throwIfAborted();
    if (percent === 100) await beforePromotion?.();
    signal?.throwIfAborted();
    const shifted = await this.#shift(`shift/${percent}`, percent);
    if (shifted !== null) return { failure: shifted };
    this.#queue(() => told?.(percent));
    const bake = () =>
      watch.bake(this.#liveRuns && percent < 100, {
        signal,
        steering,
        paused: ({ kind, reason, needs }, until) =>
          this.#tell({ percent, verdict: kind, reason, needs, until }),
      });
    let seen = await bake();
    // A pause that was said as the bake ended holds this step, which is watched on.
    while (seen.kind === 'healthy' && steering?.paused() === true) seen = await bake();
    signal?.throwIfAborted();
    this.#tell({ percent, verdict: seen.kind, reason: seen.reason, needs: seen.needs, until: null });
    this.#steps.push({ percent, ms: seen.ms, reason: `${seen.kind}: ${seen.reason}` });
    this.#evidence.add(`at ${percent} %`, `${seen.kind}: ${seen.reason}; ${seen.figures}`);
    if (seen.kind === 'healthy') {
      await this.#told;
      return null;
    }
    const needs = seen.needs === null ? '' : `; it needs ${seen.needs}`;
    return {
      verdict: seen.kind,
      reason: `at ${percent} % of traffic: ${seen.reason}${needs}`,
      needs: seen.needs,
    };
  }

  readonly #smoke: SmokeRun = (command, { release, signal }) =>
    this.#target.smoke(release, command, SMOKE_MS, signal);

  /** Watching waits for no journal: what is told is written beside it, in order. */
  #tell(judged: Judged): void {
    const { seen } = this.#order;
    this.#queue(() => seen?.(judged));
  }

  #queue(tell: () => Promise<void> | undefined): void {
    this.#told = this.#told
      .then(tell)
      .catch((error: unknown) => this.#evidence.add('trouble', `not told: ${messageOf(error)}`));
  }

  async #rehearse(): Promise<Stop | null> {
    const { release, live, fence, clock, signal } = this.#order;
    const beside = {
      release,
      live: this.#liveRuns ? live : null,
      fence,
      clock,
      ...(signal ? { signal } : {}),
    };
    const rehearsal = await this.#effects.run({
      ...this.#shiftTo('rehearse', 0),
      run: () => forthAndBack(this.#target, beside),
    });
    signal?.throwIfAborted();
    if (!rehearsal.possible && rehearsal.fault === 'release')
      return { verdict: 'degraded', reason: `before any traffic: ${rehearsal.reason}` };
    if (rehearsal.possible) this.#rehearsalMs = rehearsal.ms;
    else if (this.#order.attended === true)
      this.#evidence.add('undo', `does not work, which people allowed: ${rehearsal.reason}`);
    else return { failure: failure('cannot_go_back', `undo was rehearsed and fails: ${rehearsal.reason}`) };
    return null;
  }

  async #shift(name: string, percent: number): Promise<Failure | null> {
    const result = await this.#effects.run(this.#shiftTo(name, percent));
    return result.kind === 'failed' ? result : null;
  }

  /** The new release gets `percent`, the old one the rest. All shifts share one undo: everything back to the old one (E4). */
  #shiftTo(name: string, percent: number): Reversible<Done | Failure> {
    const { release, live, fence } = this.#order;
    return {
      ...this.#named(name),
      undo: 'reversible',
      undoKey: `${fence}/${release.id}/traffic-back`,
      run: () => {
        if (percent > 0) this.#shifted = true;
        return this.#target.shift(this.#weights(percent), fence);
      },
      reverse: async () => {
        const weights = this.#weights(0);
        const back = await trafficBack(this.#target, {
          weights,
          fence,
          condemn: release.id,
          run: this.#order.run,
        });
        if (back.kind === 'failed') {
          this.#backFailed = back.reason;
          throw new Error(back.reason);
        }
        this.#backAt = this.#order.clock.now();
        await this.#readdress(weights);
        this.#evidence.add(
          'traffic',
          this.#liveRuns ? `back to ${live?.id}` : 'nobody serves: no release ran before',
        );
      },
    };
  }

  /** Containers may have moved since they were put on record: a fault here is one of going back. */
  async #readdress(weights: Weights): Promise<void> {
    const settled = await this.#target.shift(weights, this.#order.fence);
    if (settled.kind === 'done') return;
    this.#backFailed = settled.reason;
    throw new Error(settled.reason);
  }

  #weights(percent: number): Weights {
    const { release, live } = this.#order;
    const rest =
      live === null || live.id === release.id || !this.#liveRuns ? [] : [[live.id, 100 - percent] as const];
    return new Map([[release.id, percent] as const, ...rest]);
  }

  #end(stop: Stop): Promise<RolledBack | NotDeployed | HeldBack> {
    return 'hold' in stop ? this.#hold(stop.hold) : this.#back(stop);
  }

  /** All traffic to the old release, and nothing else: the release is not given up, and what was made for it serves its next try. */
  async #hold(reason: string): Promise<HeldBack> {
    const { clock, release, live, fence, run } = this.#order;
    const at = clock.now();
    const ids = { release: release.id, live: live?.id ?? null };
    let why: string | null = null;
    if (this.#shifted) {
      const weights = this.#weights(0);
      const back = async () => {
        const sent = await trafficBack(this.#target, { weights, fence, run });
        if (sent.kind === 'failed') {
          why = sent.reason;
          throw new Error(sent.reason);
        }
      };
      await this.#effects.back('shift', `${fence}/${release.id}/hold/${at}`, back);
    }
    return {
      kind: 'held',
      ...ids,
      reason,
      trafficBackMs: this.#shifted && why === null ? clock.now() - at : null,
      troubles: this.#effects.troubles,
      stuck: why === null ? null : stuckOn(this.#target, ids.live, why),
    };
  }

  async #back(stop: Exclude<Stop, { hold: string }>): Promise<RolledBack | NotDeployed> {
    const { clock, release, live, run } = this.#order;
    const at = clock.now();
    const ids = { release: release.id, live: live?.id ?? null };
    await this.#effects.unwind();
    const verified =
      live !== null && this.#liveRuns && this.#shifted && this.#backFailed === null
        ? await verify(
            this.#target,
            { release: live.id, errorRate: Math.max(run.config.rollbackWhen.errorRate, this.#baseline) },
            clock,
          )
        : null;
    const why = this.#backFailed ?? (verified?.kind === 'unverified' ? verified.reason : null);
    const stuck = why === null ? null : stuckOn(this.#target, ids.live, why);
    if (verified?.kind === 'verified')
      this.#evidence.add('verified', `${live?.id} serves, ${verified.figures}`);
    for (const trouble of this.#effects.troubles) this.#evidence.add('trouble', trouble);
    if (stuck !== null) this.#evidence.add('stuck', `${stuck.why}\n${stuck.what}`);
    if ('failure' in stop)
      return { ...stop.failure, ...ids, evidence: this.#evidence.text(stop.failure.reason), stuck };
    return {
      kind: 'rolled_back',
      ...ids,
      needs: null,
      ...stop,
      evidence: this.#evidence.text(stop.reason),
      trafficBackMs: !this.#shifted || this.#backAt === null ? null : this.#backAt - at,
      troubles: this.#effects.troubles,
      verified,
      stuck,
    };
  }

  #named(name: string) {
    return { name, key: `${this.#order.fence}/${this.#order.release.id}/${name}` };
  }
}

/**
 * Deploys `order.release`. A bad release is a result, not an error; rejects only when the journal, the engine or the disk fail on
 * the way forward: then run it again with the same fence. Bounded by the health limit and three times the bakes. What ran before the live
 * release runs on until `retire`.
 */
export async function deploy(target: Target, order: DeployOrder): Promise<DeployResult> {
  return withFence(target, order, (deploying) =>
    order.release.id === order.live?.id ? alreadyLive(target, order) : deploying.go(),
  );
}

/**
 * The first half of `deploy`: image, container, health, and no traffic. For the time before the deploy gate is asked; `deploy` with the same
 * fence goes on with what runs. A release that does not get healthy is stopped again, and is a result. To be undone with `discard`.
 */
export async function prepareRelease(target: Target, order: DeployOrder): Promise<PrepareResult> {
  return withFence(target, order, async (deploying) =>
    order.release.id === order.live?.id
      ? { kind: 'prepared', release: order.release.id, ms: 0 }
      : deploying.prepareOnly(),
  );
}

/** What `prepareRelease` started is stopped, where the gate said no. Does nothing to a release that has traffic. */
export async function discard(
  target: Target,
  order: DeployOrder,
): Promise<{ kind: 'discarded' } | { kind: 'serves' } | { kind: 'fenced'; by: number }> {
  const taken = await target.fence(order.fence);
  if (taken.kind === 'fenced') return taken;
  const { id } = order.release;
  if ((await target.state()).serving.has(id) || order.live?.id === id) return { kind: 'serves' };
  const effects = effectsOf(target, order);
  try {
    await effects.run({
      name: 'discard',
      key: `${order.fence}/${id}/discard`,
      undo: 'reversible',
      run: () => target.stop(id, order.fence),
      // Prepared again by the next deploy of it.
      reverse: null,
    });
    return { kind: 'discarded' };
  } catch (error) {
    if (error instanceof Fenced) return { kind: 'fenced', by: error.by };
    throw error;
  }
}

/**
 * Stops what no release needs any more: all but `keep`, the one that came to serve and the one before it, which stays warm. To be called once
 * it is on record that it serves; nobody need wait for it. Does nothing once a later deploy or rollback has the target.
 */
export async function retire(target: Target, order: RetireOrder): Promise<void> {
  const { release, keep, fence, retention = RETENTION } = order;
  try {
    await effectsOf(target, { ...order, release: { id: release } }).run({
      name: 'retire',
      key: `${fence}/${release}/retire`,
      undo: 'compensable',
      run: () => target.retire(keep, retention, fence),
      // An older release than the previous one is started again by a rollback to it: its image is kept.
      compensate: null,
    });
  } catch (error) {
    if (!(error instanceof Fenced)) throw error;
  }
}

const effectsOf = (
  target: Target,
  { release, fence, journal }: Pick<DeployOrder, 'fence' | 'journal'> & { release: Pick<ReleaseRef, 'id'> },
) =>
  new Effects({
    release: release.id,
    fence,
    journal,
    check: async () => {
      const still = await target.fence(fence);
      if (still.kind === 'fenced') throw new Fenced(still.by);
    },
  });

async function withFence<R>(
  target: Target,
  order: DeployOrder,
  work: (deploying: Deploying) => Promise<R>,
): Promise<R | NotDeployed | { kind: 'fenced'; by: number }> {
  const ids = { release: order.release.id, live: order.live?.id ?? null };
  const cannot = order.attended === true ? null : target.cannotGoBack(order.run);
  const bad = checkRun(order.run) ?? (cannot === null ? null : failure('cannot_go_back', cannot));
  if (bad !== null) return { ...bad, ...ids, evidence: '' };
  const taken = await target.fence(order.fence, order.began);
  if (taken.kind === 'fenced') return taken;
  try {
    return await work(new Deploying(target, order, effectsOf(target, order)));
  } catch (error) {
    if (error instanceof Fenced) return { kind: 'fenced', by: error.by };
    throw error;
  }
}

/** Recorded as live, and asked for again (a factory killed after it recorded): nothing to do, and nothing may be undone. */
async function alreadyLive(target: Target, { release }: DeployOrder): Promise<DeployResult> {
  const { serving } = await target.state();
  if (serving.get(release.id) === 100)
    return {
      kind: 'promoted',
      release: release.id,
      previous: null,
      rehearsalMs: null,
      steps: [],
      evidence: 'it serves already',
    };
  const reason = `${release.id} is recorded as live, but does not serve. A rollback to ${release.id} starts it again`;
  return { ...failure('release_missing', reason), release: release.id, live: release.id, evidence: reason };
}
