// Latencies in fixed memory: whole milliseconds up to 100, then buckets 2 % wide up to about a minute. HAProxy's log has whole milliseconds.

const EXACT = 100;
const STEP = Math.log(1.02);
const BUCKETS = EXACT + Math.ceil(Math.log(60_000 / EXACT) / STEP) + 1;

const bucketOf = (ms: number) =>
  ms <= EXACT
    ? Math.max(0, Math.ceil(ms))
    : Math.min(BUCKETS - 1, EXACT + Math.ceil(Math.log(ms / EXACT) / STEP));
/** The largest value of a bucket, in milliseconds. */
const topOf = (bucket: number) => (bucket <= EXACT ? bucket : EXACT * Math.exp((bucket - EXACT) * STEP));

/** Counts of latencies; about 430 numbers, whatever it has seen. Quantiles are exact to 1 ms or 2 %, whichever is more. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(ms: number, times = 1): void {
    if (!(ms >= 0)) return;
    const bucket = bucketOf(ms);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + times;
    this.#size += times;
  }

  /** Adds another's counts, each `times` over. */
  merge(other: Histogram, times = 1): void {
    for (const [bucket, count] of other.#counts.entries())
      this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count * times;
    this.#size += other.#size * times;
  }

  /** Forgets a part: 0.5 keeps half of every count. */
  fade(keep: number): void {
    for (const bucket of this.#counts.keys()) this.#counts[bucket] = (this.#counts[bucket] ?? 0) * keep;
    this.#size *= keep;
  }

  /** The smallest value that `share` (0–1) of all are at most; null when empty. */
  quantile(share: number): number | null {
    if (this.#size <= 0) return null;
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count;
      if (count > 0 && seen >= share * this.#size - 1e-9) return topOf(bucket);
    }
    return topOf(BUCKETS - 1);
  }

  /** How many are larger than `ms`, which counts as its bucket's largest value. */
  above(ms: number): number {
    let count = 0;
    for (let bucket = bucketOf(ms) + 1; bucket < BUCKETS; bucket += 1) count += this.#counts[bucket] ?? 0;
    return count;
  }
}
