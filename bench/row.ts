// What a benchmark tells: a line of the table. Milliseconds, unless `unit` says otherwise.

export type Spread = { p50: number; p99: number; n: number };

export type Row = {
  what: string;
  unit: 'ms' | '/s' | 'MB' | 'kB' | 'tokens' | 'requests' | '×' | '%';
  ours: Spread;
  /** What it is measured beside, in the same run. */
  peer?: { name: string; spread: Spread };
  /** From the issue: at most this for times and sizes, at least this for rates and shares. */
  aim?: number;
  /** What has to be known to read the number rightly. */
  note?: string;
};

/** The q-th quantile by nearest rank. Throws where there is nothing to measure. */
function quantile(sorted: readonly number[], q: number): number {
  const value = sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))];
  if (value === undefined) throw new Error('nothing was measured');
  return value;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99), n: sorted.length };
}

/** A single number, of which there is no distribution. */
export const single = (value: number): Spread => ({ p50: value, p99: value, n: 1 });

/** Milliseconds of each of `times` calls in series, after `warm` that do not count. */
export async function timed(
  times: number,
  warm: number,
  work: (nth: number) => Promise<unknown>,
): Promise<number[]> {
  const took: number[] = [];
  for (let nth = -warm; nth < times; nth += 1) {
    const from = performance.now();
    await work(nth);
    if (nth >= 0) took.push(performance.now() - from);
  }
  return took;
}

/** Whether more of it is better. */
export const aimsHigh = (unit: Row['unit']): boolean => unit === '/s' || unit === '%';

/** How many times better than the peer: above 1 is better, whatever is counted. */
export function ratio(row: Row): number | null {
  if (row.peer === undefined) return null;
  const [ours, theirs] = [row.ours.p50, row.peer.spread.p50];
  return aimsHigh(row.unit) ? ours / theirs : theirs / ours;
}

export function meets(row: Row): boolean | null {
  if (row.aim === undefined) return null;
  return aimsHigh(row.unit) ? row.ours.p50 >= row.aim : row.ours.p50 <= row.aim;
}
