import type { DeployConfig } from '@millwright/domain';
import type { Histogram } from '../proxy/histogram.ts';
import type { CheckResult } from './checks.ts';
import { type Latency, observeLatency, QUANTILES, slowerThan, startLatency } from './latency.ts';
import {
  betOnLimit,
  betOnOld,
  type Capital,
  type Estimate,
  estimate,
  learn,
  NOTHING,
  plus,
  rateOf,
  START,
  type Tally,
  total,
  wilson,
} from './sequential.ts';

// The verdict on a release under canary, from what was seen of it and of the old one in the same moments. Pure: `observe` is a fold.
//   J1  degraded is final, at any look. It is wrong with probability ≤ 2 % a deploy when nothing is different (1 % for errors, 0.5 % for
//       each latency quantile; Ville's inequality, see sequential.ts; measured in docs/canary.md), whatever the number of looks and steps.
//   J2  healthy counts at the end of a bake only, and needs data: figures, enough requests on both sides (or a check that says so), health.
//   J3  everything else is inconclusive, says what it needs, and never promotes.
//   J4  hysteresis: a suspicion comes at a capital of 10 and goes below 3; health must be well three times in a row; a slow look must be
//       followed by slow looks before latency degrades.

const ALPHA = { errors: 0.01, latency: 0.005 } as const;
const MIN_ERRORS = 3;
export const MIN_PROBES = 3;
/** Failed probes in a row that are not chance any more; one that comes back in between is flapping. */
const PROBES_DOWN = 3;
const SUSPECT = { from: 10, until: 3 } as const;
/** Looks in a row with the evidence for "slower" over its bound. */
const SLOW_LOOKS = 3;

/** What was answered since the last look. */
export type Sample = Tally & { readonly latency: Histogram | null };
export type Look = {
  /** Null: the proxy could not be asked. */
  readonly fresh: Sample | null;
  /** Null: nobody serves beside it, or the proxy could not be asked. */
  readonly old: Sample | null;
  /** Restarts since the last look. */
  readonly restarts: number;
  /** Whether every replica answered its health probe; null when none was sent. */
  readonly probe: boolean | null;
  /** The latest answer of each check, null while it has none. */
  readonly checks: readonly { readonly name: string; readonly result: CheckResult | null }[];
};

export type Rules = {
  readonly rollbackWhen: DeployConfig['rollbackWhen'];
  readonly minRequests: number;
  /** False: this target has no figures at all (and nobody expects them). */
  readonly measured: boolean;
  /** Whether an old release serves beside the new one; with none there is nothing to compare with. */
  readonly hasOld: boolean;
};

export type Judgement = {
  readonly kind: 'healthy' | 'degraded' | 'inconclusive';
  readonly reason: string;
  /** What would settle it; null unless inconclusive. */
  readonly needs: string | null;
};

export type Canary = {
  readonly limit: Capital;
  readonly against: Capital;
  readonly oldRate: Estimate;
  readonly held: { readonly fresh: Tally; readonly old: Tally };
  readonly latency: Latency;
  readonly slow: number;
  readonly suspect: boolean;
  readonly restarts: number;
  /** Of the whole canary, and of this step. */
  readonly oldAll: Tally;
  readonly step: {
    readonly fresh: Tally;
    readonly old: Tally;
    readonly probes: readonly boolean[];
    readonly blind: boolean;
  };
};

const STEP: Canary['step'] = { fresh: NOTHING, old: NOTHING, probes: [], blind: false };
export const startCanary = (): Canary => ({
  limit: START,
  against: START,
  oldRate: estimate(0.01, 50),
  held: { fresh: NOTHING, old: NOTHING },
  latency: startLatency(),
  slow: 0,
  suspect: false,
  restarts: 0,
  oldAll: NOTHING,
  step: STEP,
});
/** The next share of traffic: evidence is kept, what a bake must show begins anew. */
export const nextStep = (canary: Canary): Canary => ({ ...canary, step: STEP });

const PROBES_KEPT = 1_000;

/** Folds one look in. Counts per look must be finished answers: errors among them, never more than them. */
export function observe(canary: Canary, look: Look, rules: Rules): Canary {
  const { fresh, old } = look;
  const { errorRate, p95Ratio } = rules.rollbackWhen;
  const probes =
    look.probe === null ? canary.step.probes : [...canary.step.probes, look.probe].slice(-PROBES_KEPT);
  const seen: Canary = {
    ...canary,
    restarts: canary.restarts + look.restarts,
    step: { ...canary.step, probes, blind: fresh === null },
  };
  if (fresh === null) return seen;
  const oldAll = old === null ? canary.oldAll : plus(canary.oldAll, old);
  const held = { fresh: plus(canary.held.fresh, fresh), old: plus(canary.held.old, old ?? NOTHING) };
  // Alone at 100 % it has nobody beside it: then what the old one showed before is the measure, taken at its worst (3 standard errors).
  const alone = !rules.hasOld || old === null;
  const both = held.fresh.n > 0 && held.old.n > 0;
  const excused = oldAll.n >= Math.max(1, rules.minRequests) ? wilson(oldAll.hits, oldAll.n, 3).upper : 0;
  const against = alone
    ? betOnLimit(canary.against, fresh, Math.max(errorRate, excused))
    : both
      ? betOnOld(canary.against, held, rateOf(canary.oldRate))
      : canary.against;
  const latency =
    fresh.latency === null || !old?.latency
      ? canary.latency
      : observeLatency(canary.latency, { fresh: fresh.latency, old: old.latency }, p95Ratio);
  const limit = betOnLimit(canary.limit, fresh, errorRate);
  const slow = latency.sides.some((side) => total(side.capital) >= 1 / ALPHA.latency);
  const next = {
    ...seen,
    limit,
    against,
    oldRate: old === null ? canary.oldRate : learn(canary.oldRate, old, 1_000),
    held: both || alone ? { fresh: NOTHING, old: NOTHING } : held,
    latency,
    slow: slow ? canary.slow + 1 : 0,
    oldAll,
    step: { ...seen.step, fresh: plus(canary.step.fresh, fresh), old: plus(canary.step.old, old ?? NOTHING) },
  };
  return { ...next, suspect: suspicion(next) >= (canary.suspect ? SUSPECT.until : SUSPECT.from) };
}

const worse = (canary: Canary) => Math.min(total(canary.limit), total(canary.against));
const suspicion = (canary: Canary) =>
  Math.max(worse(canary), ...canary.latency.sides.map((side) => total(side.capital)));

const percent = (rate: number) => `${(rate * 100).toFixed(1)} %`;
const ms = (value: number | null) => (value === null ? '?' : `${Math.round(value)} ms`);

/** What the figures say in one line, for evidence. */
export function figures({ step, latency }: Canary): string {
  const [p50, p95] = QUANTILES.map(
    (q) => `${ms(latency.fresh.quantile(q))} (old ${ms(latency.old.quantile(q))})`,
  );
  const times = latency.fresh.size > 0 ? `, p50 ${p50}, p95 ${p95}` : '';
  return `${step.fresh.hits} of ${step.fresh.n} requests failed (old ${step.old.hits} of ${step.old.n})${times}`;
}

/** What the old release's rate of errors was beside the new one, at its worst (3 standard errors); 0 when too little was seen of it. */
export const oldAtWorst = ({ oldAll }: Canary): number =>
  oldAll.n < 20 ? 0 : wilson(oldAll.hits, oldAll.n, 3).upper;

/** The verdict as of the last look. `healthy` counts only once the bake has passed (J2). */
export function judge(canary: Canary, look: Look, rules: Rules): Judgement {
  return degraded(canary, look, rules) ?? unsettled(canary, look, rules) ?? well(canary, look, rules);
}

function degraded(canary: Canary, look: Look, { rollbackWhen }: Rules): Judgement | null {
  const says = (reason: string): Judgement => ({ kind: 'degraded', reason, needs: null });
  const allowed = Math.max(1, rollbackWhen.restarts);
  if (canary.restarts >= allowed) return says(`restarted ${canary.restarts} times (limit ${allowed})`);
  const last = canary.step.probes.slice(-PROBES_DOWN);
  if (last.length === PROBES_DOWN && last.every((ok) => !ok))
    return says(`${PROBES_DOWN} health probes in a row failed`);
  const bad = look.checks.find((each) => each.result?.kind === 'degraded');
  if (bad?.result) return says(`check ${bad.name}: ${bad.result.reason}`);
  const { fresh, old } = canary.step;
  if (fresh.hits >= MIN_ERRORS && worse(canary) >= 1 / ALPHA.errors)
    return says(
      `${fresh.hits} of ${fresh.n} requests failed (${percent(fresh.hits / fresh.n)}, limit ${percent(rollbackWhen.errorRate)}, old release ${percent(old.n === 0 ? 0 : old.hits / old.n)})`,
    );
  if (canary.slow < SLOW_LOOKS) return null;
  const at = canary.latency.sides.findIndex((side) => total(side.capital) >= 1 / ALPHA.latency);
  const quantile = QUANTILES[at] ?? 0.95;
  const [now, before] = [canary.latency.fresh.quantile(quantile), canary.latency.old.quantile(quantile)];
  const most = before === null ? null : slowerThan(before, rollbackWhen.p95Ratio);
  return says(`p${quantile * 100} is ${ms(now)}, the old release's ${ms(before)} (limit ${ms(most)})`);
}

function unsettled(canary: Canary, look: Look, rules: Rules): Judgement | null {
  const says = (reason: string, needs: string): Judgement => ({ kind: 'inconclusive', reason, needs });
  const { step } = canary;
  if (rules.measured && step.blind)
    return says('the proxy gives no figures', 'the proxy to answer: its container must run');
  const waiting = look.checks.find((each) => each.result?.kind !== 'healthy');
  if (waiting)
    return says(
      `check ${waiting.name}: ${waiting.result?.reason ?? 'no answer yet'}`,
      `check ${waiting.name} to answer healthy`,
    );
  if (step.probes.length < MIN_PROBES)
    return says(`only ${step.probes.length} health probes yet`, `${MIN_PROBES} health probes: a longer bake`);
  if (step.probes.slice(-MIN_PROBES).some((ok) => !ok))
    return says('health is flapping', `${MIN_PROBES} good health probes in a row`);
  const { n, hits } = step.fresh;
  if (n > 0 && hits / n > rules.rollbackWhen.errorRate)
    return says(
      `${hits} of ${n} requests failed: too few to tell, or the old release fails too`,
      `a rate of errors of at most ${percent(rules.rollbackWhen.errorRate)}, or more requests`,
    );
  if (canary.suspect)
    return says(`it looks worse than the old release, not surely: ${figures(canary)}`, 'more requests');
  return tooLittle(canary, look, rules);
}

/** Enough requests on both sides, or a check that speaks for the release instead. */
function tooLittle({ step }: Canary, look: Look, { minRequests, measured, hasOld }: Rules): Judgement | null {
  // A first release has no traffic to take from anybody: its health, and the checks, are what there is.
  if (!hasOld || look.checks.length > 0 || minRequests === 0) return null;
  const ways = 'or a check under deploy.checks, or deploy.canary.minRequests: 0';
  if (!measured)
    return {
      kind: 'inconclusive',
      reason: 'this target gives no figures',
      needs: `figures from its status command, ${ways}`,
    };
  if (step.fresh.n >= minRequests) return null;
  return {
    kind: 'inconclusive',
    reason: `too little traffic: ${step.fresh.n} requests, ${minRequests} are needed`,
    needs: `${minRequests - step.fresh.n} more requests (a longer bake, a larger first step), ${ways}`,
  };
}

function well(canary: Canary, look: Look, { minRequests }: Rules): Judgement {
  const { probes, fresh } = canary.step;
  const health = `${probes.filter((ok) => ok).length} of ${probes.length} health probes well`;
  const checks = look.checks.map((each) => `, check ${each.name} well`).join('');
  const little = fresh.n < Math.max(1, minRequests) ? 'little traffic: judged by its health; ' : '';
  return { kind: 'healthy', reason: `${little}${figures(canary)}, ${health}${checks}`, needs: null };
}
