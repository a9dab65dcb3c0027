// Is the new release's rate of bad answers higher than it may be? Looked at after every few requests, for as long as the canary
// lasts, without the looking making false alarms more likely. Pure.
//
// Method: testing by betting (e-processes). Every look is a bet against "no worse", which on average wins nothing while that is true, so
// that by Ville's inequality the capital ever reaches 1/α with probability ≤ α, however often and whenever one looks.
//   - one rate against a limit: likelihood ratio of Bernoulli trials, mixed over alternatives, the mixture SPRT
//     (H. Robbins, Ann. Math. Stat. 41, 1970; R. Johari, P. Koomen, L. Pekelis, D. Walsh, "Always Valid Inference", Oper. Res. 70, 2022);
//   - new against old at the same time: the e-variable for two streams in blocks of unlike size
//     (R. Turner, A. Ly, P. Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for optional stopping",
//     JSPI 230, 2024). Its null holds for every pair with new ≤ old, since each factor is monotone in its own rate;
//   - a release that turns bad later: fresh capital enters at look t with weight 1/(t(t+1)), which sums to 1 (a mixture over starting
//     times, as the e-detectors of J. Shin, A. Ramdas, A. Rinaldo, NEJSDS 2, 2024, but keeping Ville's bound);
//   - blocks whose answers are not independent (a pause hits many requests at once) are tempered: E^η with η ≤ 1 is an e-variable by
//     Jensen's inequality.

export type Tally = { readonly n: number; readonly hits: number };
export const NOTHING: Tally = { n: 0, hits: 0 };
export const plus = (a: Tally, b: Tally): Tally => ({ n: a.n + b.n, hits: a.hits + b.hits });

/** How much worse the alternatives are, as multiples of the odds: from barely to everything. */
const LIFTS = [1.5, 3, 10, 100, 1_000] as const;
/** A rate under one in a thousand is not told from none: it would take thousands of requests. */
const LEAST_RATE = 0.001;
const MOST_CAPITAL = 1e100;

export type Capital = { readonly looks: number; readonly parts: readonly number[] };
export const START: Capital = { looks: 0, parts: LIFTS.map(() => 0) };
export const total = (capital: Capital) => capital.parts.reduce((sum, part) => sum + part, 0);

const lifted = (rate: number, lift: number) => {
  const odds = (lift * rate) / (1 - rate);
  return odds / (1 + odds);
};
const within = (rate: number) => Math.min(0.999, Math.max(LEAST_RATE, rate));

/** Log of the likelihood ratio of `hits` in `n` at rate `a` against rate `b`. */
const ratio = ({ n, hits }: Tally, a: number, b: number) =>
  hits * Math.log(a / b) + (n - hits) * Math.log((1 - a) / (1 - b));

function bet(capital: Capital, logs: readonly number[]): Capital {
  const looks = capital.looks + 1;
  const entering = 1 / (looks * (looks + 1)) / LIFTS.length;
  const parts = capital.parts.map((part, at) =>
    Math.min(MOST_CAPITAL, (part + entering) * Math.exp(logs[at] ?? 0)),
  );
  return { looks, parts };
}

/** One look at a rate against `limit`. No answers, no bet. */
export function betOnLimit(capital: Capital, fresh: Tally, limit: number, temper = Infinity): Capital {
  if (fresh.n === 0) return capital;
  const base = within(limit);
  const eta = Math.min(1, temper / fresh.n);
  return bet(
    capital,
    LIFTS.map((lift) => eta * ratio(fresh, lifted(base, lift), base)),
  );
}

/**
 * One look at both releases in the same moment. `oldRate` is an estimate from *earlier* looks only (it decides the power, never the
 * validity). A block without answers on one side says nothing: hold it until it has both. `temper` bounds how many of the new release's
 * answers count as independent.
 */
export function betOnOld(
  capital: Capital,
  { fresh, old }: { fresh: Tally; old: Tally },
  oldRate: number,
  temper = Infinity,
): Capital {
  if (fresh.n === 0 || old.n === 0) return capital;
  const low = within(oldRate);
  const eta = Math.min(1, temper / fresh.n);
  const logs = LIFTS.map((lift) => {
    const high = lifted(low, lift);
    const same = (fresh.n * high + old.n * low) / (fresh.n + old.n);
    return eta * (ratio(fresh, high, same) + ratio(old, low, same));
  });
  return bet(capital, logs);
}

/** An estimate that forgets: half of what it knew after `halfLife` answers. Starts at `rate`, as if seen in `weight` answers. */
export type Estimate = { readonly n: number; readonly hits: number };
export const estimate = (rate: number, weight: number): Estimate => ({ n: weight, hits: rate * weight });
export const rateOf = ({ n, hits }: Estimate) => (n === 0 ? 0 : hits / n);
export function learn(known: Estimate, seen: Tally, halfLife: number): Estimate {
  const keep = 0.5 ** (seen.n / halfLife);
  return { n: known.n * keep + seen.n, hits: known.hits * keep + seen.hits };
}

/** Wilson score interval (E. B. Wilson, JASA 22, 1927) of a rate, at `z` standard errors. No samples say nothing: 0 to 1. */
export function wilson(hits: number, of: number, z = 1.96): { lower: number; upper: number } {
  if (of <= 0) return { lower: 0, upper: 1 };
  const z2 = z ** 2;
  const rate = Math.min(1, hits / of);
  const middle = rate + z2 / (2 * of);
  const margin = z * Math.sqrt((rate * (1 - rate)) / of + z2 / (4 * of * of));
  return {
    lower: Math.max(0, (middle - margin) / (1 + z2 / of)),
    upper: Math.min(1, (middle + margin) / (1 + z2 / of)),
  };
}
