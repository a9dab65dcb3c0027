import { expect, test } from 'vitest';
import {
  type CaseResult,
  compare,
  exactMcNemar,
  figuresOf,
  meanOf,
  shareOf,
  type Verdict,
} from './figures.ts';

// Expected values: R's binom::binom.wilson and stats::binom.test.

test.each([
  [8, 10, 0.4901625, 0.9433178],
  [0, 10, 0, 0.2775328],
  [10, 10, 0.7224672, 1],
])('%i of %i: Wilson’s interval', (count, of, low, high) => {
  const interval = shareOf(count, of);
  expect(interval.value).toBeCloseTo(count / of, 9);
  expect(interval.low).toBeCloseTo(low, 5);
  expect(interval.high).toBeCloseTo(high, 5);
});

test('of no case nothing is known', () => {
  expect(shareOf(0, 0)).toEqual({ value: 0, low: 0, high: 1 });
  expect(meanOf([])).toEqual({ value: 0, low: 0, high: 0 });
});

test('a mean and its interval', () => {
  const { value, low, high } = meanOf([1, 2, 3, 4]);
  expect(value).toBe(2.5);
  expect(high - value).toBeCloseTo(1.959964 * Math.sqrt(5 / 3 / 4), 6);
  expect(value - low).toBeCloseTo(high - value, 9);
});

test.each([
  [0, 0, 1],
  [5, 5, 1],
  [0, 5, 0.0625],
  [1, 9, 0.021484375],
  [2, 8, 0.109375],
])('%i against %i of the discordant cases: p %f', (a, b, p) => {
  expect(exactMcNemar(a, b)).toBeCloseTo(p, 9);
  expect(exactMcNemar(b, a)).toBeCloseTo(p, 9);
});

const result = (name: string, verdict: Verdict): CaseResult => ({
  ...{ name, verdict, why: '', run: null, usd: 1, inputTokens: 10, outputTokens: 1, turns: 2, calls: 3 },
  ...{ sentBack: 0, sentBackChanges: { rightly: 1, wrongly: 0, unknown: 0 }, ms: 1_000 },
});

test('a case that cannot tell counts nowhere; cases are compared where both have them', () => {
  const first = [
    result('a', 'solved'),
    result('b', 'wrongly_accepted'),
    result('c', 'invalid'),
    result('d', 'solved'),
  ];
  const second = [result('a', 'solved'), result('b', 'solved'), result('c', 'solved'), result('e', 'solved')];
  expect(figuresOf(first)).toMatchObject({
    cases: 3,
    solved: { value: 2 / 3 },
    wronglyAccepted: { value: 1 / 3 },
  });
  expect(compare(first, second)).toMatchObject({
    ...{ both: 1, onlyFirst: [], onlySecond: ['b'], neither: 0, p: 1 },
    more: { usd: { value: 0 }, seconds: { value: 0 } },
  });
  const dearer = first.map((one) => ({ ...one, usd: one.usd + 2 }));
  expect(compare(dearer, second).more.usd).toEqual({ value: 2, low: 2, high: 2 });
});

test('changes that were sent back are counted over all cases that tell; what is unknown is in no share', () => {
  const of = (
    rightly: number,
    wrongly: number,
    unknown: number,
    verdict: Verdict = 'solved',
  ): CaseResult => ({
    ...result('a', verdict),
    sentBackChanges: { rightly, wrongly, unknown },
  });
  const figures = figuresOf([of(3, 1, 0), of(5, 1, 2), of(9, 9, 9, 'invalid')]);
  expect(figures.sentBackRightly).toEqual({ count: 8, of: 10, ...shareOf(8, 10) });
  expect(figures.sentBackWrongly).toEqual({ count: 2, of: 10, ...shareOf(2, 10) });
  expect(figures.sentBackUnknown).toBe(2);
});
