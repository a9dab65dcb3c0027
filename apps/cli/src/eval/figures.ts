import { z } from 'zod';

// What cases came to, as figures with their uncertainty. Pure.

/**
 * `solved`: as the case expects, its hidden tests included. `wrongly_accepted`: merged, and should not have been or does not pass them.
 * `wrongly_refused`: not merged, and should have been. `invalid`: the case cannot tell (its hidden tests pass on the base).
 */
export const Verdict = z.enum(['solved', 'wrongly_accepted', 'wrongly_refused', 'invalid']);
export type Verdict = z.infer<typeof Verdict>;

export const CaseResult = z.strictObject({
  name: z.string(),
  verdict: Verdict,
  /** In a sentence. */
  why: z.string(),
  run: z.string().nullable(),
  usd: z.number(),
  inputTokens: z.number(),
  outputTokens: z.number(),
  turns: z.number(),
  /** Requests to models. Zero in results that an earlier version kept. */
  calls: z.number().default(0),
  /** How often work was sent back: attempts of implementers beyond the first of each task. */
  sentBack: z.number(),
  /**
   * The changes that tests or a review sent back: `rightly`, its hidden tests fail on it; `wrongly`, they pass on it; `unknown`, that cannot be
   * told. Null in results that an earlier version kept.
   */
  sentBackChanges: z
    .strictObject({ rightly: z.number(), wrongly: z.number(), unknown: z.number() })
    .nullable()
    .default(null),
  ms: z.number(),
});
export type CaseResult = z.infer<typeof CaseResult>;

export type Interval = { value: number; low: number; high: number };
/** A share, and what it is the share of. */
export type Count = Interval & { count: number; of: number };

const Z = 1.959964;

/** A share with its 95 % interval: Wilson, E. B. (1927), JASA 22: 209–212. */
export function shareOf(count: number, of: number): Interval {
  if (of === 0) return { value: 0, low: 0, high: 1 };
  const p = count / of;
  const denominator = 1 + Z ** 2 / of;
  const middle = (p + Z ** 2 / (2 * of)) / denominator;
  const half = (Z / denominator) * Math.sqrt((p * (1 - p)) / of + Z ** 2 / (4 * of ** 2));
  return { value: p, low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

/** A mean with the 95 % interval of its normal approximation; of one value, the value alone. */
export function meanOf(values: readonly number[]): Interval {
  const n = values.length;
  const mean = n === 0 ? 0 : values.reduce((sum, one) => sum + one, 0) / n;
  const variance = n < 2 ? 0 : values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (n - 1);
  const half = n === 0 ? 0 : Z * Math.sqrt(variance / n);
  return { value: mean, low: mean - half, high: mean + half };
}

/** Two-sided exact McNemar: how likely a split of the discordant cases at least as uneven as this is, were both alike. */
export function exactMcNemar(onlyFirst: number, onlySecond: number): number {
  const n = onlyFirst + onlySecond;
  if (n === 0) return 1;
  let term = 0.5 ** n;
  let tail = 0;
  for (let k = 0; k <= Math.min(onlyFirst, onlySecond); k += 1) {
    tail += term;
    term = (term * (n - k)) / (k + 1);
  }
  return Math.min(1, 2 * tail);
}

export type Figures = {
  cases: number;
  solved: Interval;
  wronglyAccepted: Interval;
  wronglyRefused: Interval;
  usd: Interval;
  inputTokens: Interval;
  outputTokens: Interval;
  turns: Interval;
  calls: Interval;
  sentBack: Interval;
  /** Of the changes that were sent back and of which that can be told. */
  sentBackRightly: Count;
  sentBackWrongly: Count;
  sentBackUnknown: number;
  seconds: Interval;
};

/** Of the cases that can tell; `invalid` ones are left out. */
export function figuresOf(results: readonly CaseResult[]): Figures {
  const valid = results.filter(({ verdict }) => verdict !== 'invalid');
  const share = (verdict: Verdict) =>
    shareOf(valid.filter((one) => one.verdict === verdict).length, valid.length);
  const mean = (of: (one: CaseResult) => number) => meanOf(valid.map(of));
  const changes = (how: 'rightly' | 'wrongly' | 'unknown') =>
    valid.reduce((sum, { sentBackChanges }) => sum + (sentBackChanges?.[how] ?? 0), 0);
  const [rightly, wrongly] = [changes('rightly'), changes('wrongly')];
  const told = (count: number) => ({
    ...{ count, of: rightly + wrongly },
    ...shareOf(count, rightly + wrongly),
  });
  return {
    cases: valid.length,
    solved: share('solved'),
    wronglyAccepted: share('wrongly_accepted'),
    wronglyRefused: share('wrongly_refused'),
    usd: mean((one) => one.usd),
    inputTokens: mean((one) => one.inputTokens),
    outputTokens: mean((one) => one.outputTokens),
    turns: mean((one) => one.turns),
    calls: mean((one) => one.calls),
    sentBack: mean((one) => one.sentBack),
    sentBackRightly: told(rightly),
    sentBackWrongly: told(wrongly),
    sentBackUnknown: changes('unknown'),
    seconds: mean((one) => one.ms / 1_000),
  };
}

export type Comparison = {
  both: number;
  onlyFirst: string[];
  onlySecond: string[];
  neither: number;
  p: number;
  /** Of the cases that both have, what the first took more than the second. */
  more: Record<'usd' | 'inputTokens' | 'turns' | 'seconds', Interval>;
};

/** Case by case, those that both have. */
export function compare(first: readonly CaseResult[], second: readonly CaseResult[]): Comparison {
  const told = (results: readonly CaseResult[]) => results.filter(({ verdict }) => verdict !== 'invalid');
  const shared = told(first).flatMap((a) =>
    told(second).flatMap((b) => (a.name === b.name ? [{ name: a.name, a, b }] : [])),
  );
  const where = (a: boolean, b: boolean) =>
    shared
      .filter((one) => (one.a.verdict === 'solved') === a && (one.b.verdict === 'solved') === b)
      .map(({ name }) => name);
  const [onlyFirst, onlySecond] = [where(true, false), where(false, true)];
  const more = (of: (one: CaseResult) => number) => meanOf(shared.map(({ a, b }) => of(a) - of(b)));
  return {
    both: where(true, true).length,
    neither: where(false, false).length,
    ...{ onlyFirst, onlySecond, p: exactMcNemar(onlyFirst.length, onlySecond.length) },
    more: {
      usd: more((one) => one.usd),
      inputTokens: more((one) => one.inputTokens),
      turns: more((one) => one.turns),
      seconds: more((one) => one.ms / 1_000),
    },
  };
}
