import { Histogram } from '../proxy/histogram.ts';
import {
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
} from './sequential.ts';

// Is the new release slower than `ratio` times the old one? Non-parametric, a sign test on quantiles: with q the old release's quantile
// and g(q) = max(ratio·q, q + 2 ms), the share of new answers over g(q) is compared with the share of old answers over q, in the same look. When
// the new release's latency is at most g of the old one's in distribution, the first share is at most the second for *every* q, so that q may be
// estimated from earlier looks without spoiling the test. p95 sees a heavy tail, p50 sees a shift soonest.

/** HAProxy's log is in whole milliseconds: less than this between two answers is rounding. */
const LEAST_MS = 2;
/** The first answers of a process that has just started are slower than it is (compilers, caches, connections). */
const WARM_UP = 50;
/** Old answers before its quantiles mean something. */
const LEAST_OLD = 60;
/** Answers of one look that count as independent of each other: a pause makes all of a look slow. */
const INDEPENDENT = 8;
const HALF_LIFE = 2_000;
/** What the new release is said to take is what it takes now: it is shown, not judged by. */
const SHOWN_HALF_LIFE = 100;

export const QUANTILES = [0.5, 0.95] as const;

type Side = {
  readonly capital: Capital;
  readonly known: Estimate;
  readonly held: { fresh: Tally; old: Tally };
};
/** Mutable inside (histograms), but only `observeLatency` writes, and every deploy has its own. */
export type Latency = {
  readonly old: Histogram;
  readonly fresh: Histogram;
  readonly warming: number;
  readonly sides: readonly Side[];
};

export const startLatency = (): Latency => ({
  old: new Histogram(),
  fresh: new Histogram(),
  warming: WARM_UP,
  sides: QUANTILES.map((quantile) => ({
    capital: START,
    known: estimate(1 - quantile, 50),
    held: { fresh: NOTHING, old: NOTHING },
  })),
});

export const slowerThan = (q: number, ratio: number) => Math.max(ratio * q, q + LEAST_MS);

/** One look: what both answered since the last one. Only looks in which both serve say anything. */
export function observeLatency(
  latency: Latency,
  seen: { fresh: Histogram; old: Histogram },
  ratio: number,
): Latency {
  const { old, fresh } = latency;
  const warming = Math.max(0, latency.warming - seen.fresh.size);
  const judged = latency.warming === 0 && old.size >= LEAST_OLD;
  const sides = QUANTILES.map((quantile, at) => {
    const side = latency.sides[at] ?? {
      capital: START,
      known: estimate(1 - quantile, 50),
      held: { fresh: NOTHING, old: NOTHING },
    };
    const q = old.quantile(quantile);
    if (!judged || q === null) return side;
    const held = {
      fresh: plus(side.held.fresh, { n: seen.fresh.size, hits: seen.fresh.above(slowerThan(q, ratio)) }),
      old: plus(side.held.old, { n: seen.old.size, hits: seen.old.above(q) }),
    };
    if (held.fresh.n === 0 || held.old.n === 0) return { ...side, held };
    return {
      capital: betOnOld(side.capital, held, rateOf(side.known), INDEPENDENT),
      known: learn(side.known, held.old, HALF_LIFE),
      held: { fresh: NOTHING, old: NOTHING },
    };
  });
  if (seen.old.size > 0) old.fade(0.5 ** (seen.old.size / HALF_LIFE));
  old.merge(seen.old);
  if (latency.warming === 0) {
    if (seen.fresh.size > 0) fresh.fade(0.5 ** (seen.fresh.size / SHOWN_HALF_LIFE));
    fresh.merge(seen.fresh);
  }
  return { old, fresh, warming, sides };
}
