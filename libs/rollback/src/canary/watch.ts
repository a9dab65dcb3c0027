import type { Clock, DeployConfig, ReleaseId } from '@millwright/domain';
import { elapsed } from '../elapsed.ts';
import { messageOf } from '../message-of.ts';
import type { RequestFeed } from '../proxy/log.ts';
import type { Counters } from '../proxy/stats.ts';
import type { Target } from '../targets/target.ts';
import { unlessAborted } from '../unless-aborted.ts';
import type { Check, CheckResult } from './checks.ts';
import {
  type Canary,
  figures,
  type Judgement,
  judge,
  type Look,
  MIN_PROBES,
  nextStep,
  observe,
  oldAtWorst,
  type Rules,
  type Sample,
  startCanary,
} from './judge.ts';

/** A person's word on a canary under way, looked at with every look. */
export type Steering = {
  /** As long as it is true no step ends well; a release that degrades goes back all the same. */
  paused(): boolean;
  /** True once for each time that somebody wants the step to end now: a release that degrades goes back all the same. */
  skips(): boolean;
};

/**
 * Between two looks; less in a bake that is shorter than three of them, which else took half a second whatever it said. A bad release is seen
 * after the third look at the latest: 3 failed probes, or 3 errors.
 */
const LOOK_MS = 150;
const SOONEST_MS = 50;
const PROBE_MS = 1_000;
/** An inconclusive bake goes on for this many times its length before the step is given up. */
const MAX_BAKES = 3;
const LEAST_MS = LOOK_MS * 10;
/** And not before so many looks: on a busy machine, or with a slow `status`, a look takes longer than a bake. */
const LEAST_LOOKS = 8;

type Base = { counters: ReadonlyMap<ReleaseId, Counters> | null; restarts: ReadonlyMap<ReleaseId, number> };

export type Watched = {
  readonly release: ReleaseId;
  /** What serves beside it, or null. */
  readonly old: ReleaseId | null;
  readonly config: DeployConfig;
  readonly clock: Clock;
  readonly checks: readonly Check[];
  /** Bakes a step may take before it is given up as inconclusive, where `canary.wait` does not say. */
  readonly maxBakes?: number | undefined;
};
/** Called once when the bake has passed and the verdict is inconclusive: what it is, and until when it is waited for. */
type OnPause = (judgement: Judgement, until: number) => void;
export type Baking = {
  readonly signal?: AbortSignal | undefined;
  readonly steering?: Steering | undefined;
  readonly paused?: OnPause;
};
export type Baked = Judgement & { readonly ms: number; readonly figures: string };

/** Counters begin anew when HAProxy restarts: what is lower than before counts from zero. */
const grown = (now: number, before: number) => (now >= before ? now - before : now);

/** One canary from its first share of traffic to its last: figures are kept across the steps. `close` ends what it follows. */
export class Watch {
  readonly #target: Target;
  readonly #watched: Watched;
  readonly #feed: RequestFeed | null;
  #canary: Canary = startCanary();

  constructor(target: Target, watched: Watched) {
    this.#target = target;
    this.#watched = watched;
    this.#feed = target.requests();
  }

  /** The old release's rate of errors while it was watched, as far as chance allows. What undo must bring back. */
  get baseline(): number {
    return oldAtWorst(this.#canary);
  }

  close(): void {
    this.#feed?.close();
  }

  /**
   * Watches a share of traffic for a bake, against the old release in the same moments: ends early when the new one degrades, and late
   * (`canary.wait`) when it cannot tell, which `paused` is told; as long as a person pauses it; at once when a person ends it. `beside` is whether the
   * old one has a share too. Throws the signal's reason as soon as it is aborted, whatever is waited for.
   */
  async bake(beside: boolean, { signal, steering, paused }: Baking = {}): Promise<Baked> {
    const { clock, config } = this.#watched;
    const mostMs = this.#mostMs();
    let told = false;
    // The time of a person's pause is no time of the bake.
    let [pausedMs, last] = [0, 0];
    const rules = this.#rules();
    const everyMs = Math.max(SOONEST_MS, Math.min(LOOK_MS, config.canary.bake / MIN_PROBES));
    const checks = new Checking(this.#target, this.#watched);
    const since = elapsed(clock);
    this.#canary = nextStep(this.#canary);
    try {
      let before = await this.#base();
      this.#feed?.take();
      for (let looks = 1; ; looks += 1) {
        signal?.throwIfAborted();
        // By the beginning of the bake, not by the end of the last look: three looks of 10 ms else make a bake of 300 ms one of 330.
        const wait = looks * everyMs - since();
        const slept = clock.sleep(Math.min(everyMs, Math.max(everyMs / 2, wait)), signal);
        await unlessAborted(slept, signal);
        // A release that does not answer is no reason to go on serving it.
        const looked = Promise.all([this.#base(), this.#target.probe(this.#watched.release, PROBE_MS)]);
        const [now, answers] = await unlessAborted(looked, signal);
        const probe = answers.length > 0 && answers.every((each) => each.ok);
        const look = this.#look(now, before, beside, probe, checks);
        before = now.counters === null ? { ...now, counters: before.counters } : now;
        this.#canary = observe(this.#canary, look, rules);
        const judgement = judge(this.#canary, look, rules);
        const passed = since();
        const pauses = steering?.paused() === true;
        if (pauses) pausedMs += passed - last;
        last = passed;
        const ms = passed - pausedMs;
        const skips = judgement.kind !== 'degraded' && steering?.skips() === true;
        if (skips) {
          const reason = `a person ended the bake after ${Math.round(ms)} ms; so far ${judgement.kind}: ${judgement.reason}`;
          return { kind: 'healthy', reason, needs: null, ms, figures: figures(this.#canary) };
        }
        const settled =
          judgement.kind === 'degraded' ||
          (!pauses && judgement.kind === 'healthy' && ms >= config.canary.bake) ||
          (!pauses && looks >= LEAST_LOOKS && ms >= mostMs);
        if (settled) return { ...judgement, ms, figures: figures(this.#canary) };
        if (
          !told &&
          !pauses &&
          judgement.kind === 'inconclusive' &&
          ms >= config.canary.bake &&
          looks >= LEAST_LOOKS
        ) {
          told = true;
          paused?.(judgement, clock.now() + mostMs - ms);
        }
      }
    } finally {
      checks.stop();
    }
  }

  /** From the start of a bake until it is given up, in milliseconds. */
  #mostMs(): number {
    const { config, maxBakes = MAX_BAKES } = this.#watched;
    const { bake, wait } = config.canary;
    return Math.max(wait === undefined ? bake * maxBakes : bake + wait, LEAST_MS);
  }

  #rules(): Rules {
    const { config, old } = this.#watched;
    return {
      rollbackWhen: config.rollbackWhen,
      minRequests: config.canary.minRequests,
      measured: this.#target.measures,
      hasOld: old !== null,
    };
  }

  async #base(): Promise<Base> {
    const [counters, state] = await Promise.all([this.#target.counters(), this.#target.state()]);
    const restarts = state.releases.map(
      ({ id, replicas }) => [id, replicas.reduce((sum, each) => sum + each.restarts, 0)] as const,
    );
    return { counters, restarts: new Map(restarts) };
  }

  #look(now: Base, before: Base, beside: boolean, probe: boolean, checks: Checking): Look {
    const { release, old } = this.#watched;
    const feed = this.#feed?.take() ?? null;
    const sampleOf = (id: ReleaseId): Sample | null => {
      const [fresh, base] = [now.counters?.get(id), before.counters?.get(id)];
      if (fresh === undefined) return null;
      const n = grown(fresh.requests, base?.requests ?? 0);
      return {
        n,
        hits: Math.min(n, grown(fresh.errors, base?.errors ?? 0)),
        latency: feed?.get(id) ?? null,
      };
    };
    return {
      fresh: sampleOf(release),
      old: old === null || !beside ? null : sampleOf(old),
      restarts: grown(now.restarts.get(release) ?? 0, before.restarts.get(release) ?? 0),
      probe,
      checks: checks.answers(),
    };
  }
}

/** Runs the checks beside the looks; a slow one never holds up a look. */
class Checking {
  readonly #latest: { name: string; result: CheckResult | null }[];
  readonly #halt = new AbortController();

  constructor(target: Target, { release, clock, checks }: Watched) {
    const ask = (path: string) => target.ask(release, path, PROBE_MS * 5);
    const context = { release, clock, ask, signal: this.#halt.signal };
    this.#latest = checks.map(({ name }) => ({ name, result: null }));
    for (const [at, check] of checks.entries()) void this.#keepAsking(check, at, context);
  }

  answers() {
    return this.#latest.map((each) => ({ ...each }));
  }

  stop(): void {
    this.#halt.abort(new Error('the bake is over'));
  }

  async #keepAsking(check: Check, at: number, context: Parameters<Check['run']>[0]): Promise<void> {
    const { signal, clock } = context;
    while (!signal.aborted) {
      let result: CheckResult;
      try {
        result = await check.run(context);
      } catch (error) {
        result = { kind: 'inconclusive', reason: `the check failed: ${messageOf(error)}` };
      }
      this.#latest[at] = { name: check.name, result };
      if (check.everyMs === null) return;
      try {
        await clock.sleep(check.everyMs, signal);
      } catch {
        // Stopped: the bake is over.
        return;
      }
    }
  }
}
