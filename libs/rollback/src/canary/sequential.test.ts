import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Histogram } from '../proxy/histogram.ts';
import { betOnLimit, betOnOld, learn, NOTHING, START, total, wilson } from './sequential.ts';

const choose = (n: number, k: number): number => (k === 0 ? 1 : (choose(n - 1, k - 1) * n) / k);
const chance = (n: number, k: number, rate: number) => choose(n, k) * rate ** k * (1 - rate) ** (n - k);
const range = (n: number) => Array.from({ length: n + 1 }, (_, k) => k);
const rate = fc.double({ min: 0.002, max: 0.9, noNaN: true });
const size = fc.integer({ min: 1, max: 8 });
/** What is staked at the first look: half of everything. */
const STAKED = 0.5;

test('no bet wins on average while the new rate is at most the limit: exact, over every outcome', () => {
  fc.assert(
    fc.property(rate, rate, size, (a, b, n) => {
      const [truth, limit] = [Math.min(a, b), Math.max(a, b)];
      const mean = range(n).reduce(
        (sum, hits) => sum + chance(n, hits, truth) * total(betOnLimit(START, { n, hits }, limit)),
        0,
      );
      return mean <= STAKED + 1e-9;
    }),
    { numRuns: 300 },
  );
});

test('no bet wins on average while new is at most old, however wrong the estimate and however tempered', () => {
  fc.assert(
    fc.property(rate, rate, rate, size, size, fc.constantFrom(Infinity, 2), (a, b, guess, n, m, temper) => {
      const [fresh, old] = [Math.min(a, b), Math.max(a, b)];
      let mean = 0;
      for (const x of range(n))
        for (const y of range(m)) {
          const block = { fresh: { n, hits: x }, old: { n: m, hits: y } };
          mean += chance(n, x, fresh) * chance(m, y, old) * total(betOnOld(START, block, guess, temper));
        }
      return mean <= STAKED + 1e-9;
    }),
    { numRuns: 300 },
  );
});

test('a block with one side alone is no evidence, and bounded whatever comes', () => {
  expect(betOnOld(START, { fresh: { n: 9, hits: 9 }, old: NOTHING }, 0.01)).toBe(START);
  expect(betOnLimit(START, NOTHING, 0.01)).toBe(START);
  let capital = START;
  for (let at = 0; at < 500; at += 1) capital = betOnLimit(capital, { n: 50, hits: 50 }, 0);
  expect(Number.isFinite(total(capital))).toBe(true);
});

test('an estimate forgets what is long ago', () => {
  const late = learn(learn({ n: 100, hits: 100 }, { n: 1_000, hits: 0 }, 100), { n: 10, hits: 5 }, 100);
  expect(late.hits / late.n).toBeLessThan(0.05);
});

test('the interval holds the rate, and knows nothing without samples', () => {
  expect(wilson(0, 0)).toEqual({ lower: 0, upper: 1 });
  // Published value: 10 of 100 at 95 % is 0.0552 to 0.1744.
  expect(wilson(10, 100).lower).toBeCloseTo(0.0552, 4);
  expect(wilson(10, 100).upper).toBeCloseTo(0.1744, 4);
});

test('quantiles of a histogram are those of the values, to 1 ms or 2 %', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 59_000 }), { minLength: 1, maxLength: 60 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (values, share) => {
        const histogram = new Histogram();
        for (const value of values) histogram.add(value);
        const exact = values.sort((a, b) => a - b)[Math.ceil(share * values.length - 1e-9) - 1] ?? 0;
        const found = histogram.quantile(share) ?? -1;
        return (
          found >= exact &&
          found <= Math.max(exact + 1, exact * 1.021) &&
          histogram.above(found) <= values.length * (1 - share) + 1e-6
        );
      },
    ),
    { numRuns: 500 },
  );
});
