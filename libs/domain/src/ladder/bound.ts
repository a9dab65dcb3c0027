/**
 * Upper Clopper-Pearson bound, one-sided at 95 %, of a rate of which `failures` of `n` were seen: the rate at which so few would be seen in
 * one case of twenty. C. J. Clopper, E. S. Pearson, Biometrika 26 (1934). 1 of none.
 */
export function upperBound(failures: number, n: number): number {
  if (failures >= n) return 1;
  let [low, high] = [0, 1];
  for (let i = 0; i < 60; i += 1) {
    const middle = (low + high) / 2;
    if (atMost(failures, n, middle) > 0.05) low = middle;
    else high = middle;
  }
  return high;
}

/** The least that would have to be seen, with no failure besides these, for the bound to be below `rate`. */
export function neededFor(failures: number, rate: number): number {
  let [low, high] = [failures, failures + 1];
  while (upperBound(failures, high) >= rate) [low, high] = [high, high * 2];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (upperBound(failures, middle) < rate) high = middle;
    else low = middle;
  }
  return high;
}

/** Binomial: that at most `k` of `n` happen, each with probability `p`, 0 < p < 1. */
function atMost(k: number, n: number, p: number): number {
  let [term, sum] = [n * Math.log1p(-p), 0];
  for (let i = 0; i <= k; i += 1) {
    sum += Math.exp(term);
    term += Math.log((n - i) / (i + 1)) + Math.log(p) - Math.log1p(-p);
  }
  return sum;
}
