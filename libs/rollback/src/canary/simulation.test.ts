import { expect, test } from 'vitest';
import { play, playMany } from '../testing/simulate.ts';

// Fixed seeds: these numbers are the same on every machine. The tables they come from are in docs/canary.md. Bounds and order only.

const service = { share: 0.2, perLook: 30, looks: 200 };
const even = { errors: 0.01 };

test('false rollbacks: no more than promised when nothing is different', () => {
  for (const errors of [0.001, 0.01, 0.1]) {
    const rules = { errorRate: Math.min(errors, 0.01) };
    expect(
      playMany(120, { ...service, fresh: { errors }, old: { errors }, rules }).found,
    ).toBeLessThanOrEqual(0.01);
  }
  const same = { errors: 0.001, p50: 20 };
  expect(
    playMany(50, { ...service, fresh: same, old: same, rules: { p95Ratio: 1 } }).found,
  ).toBeLessThanOrEqual(0.02);
  // On the very bound that the repository allows.
  const bound = { ...service, fresh: { ...same, p50: 30 }, old: same };
  expect(playMany(50, bound).found).toBeLessThanOrEqual(0.02);
});

test('errors: the worse, the sooner; late ones too', () => {
  const at = (times: number, more = {}) =>
    playMany(60, { ...service, fresh: { errors: 0.01 * times }, old: even, ...more });
  const [double, five, twenty, all] = [at(2, { looks: 1_000 }), at(5), at(20), at(100)];
  expect(double.found).toBeGreaterThan(0.8);
  expect([five.found, twenty.found, all.found]).toEqual([1, 1, 1]);
  const medians = [double, five, twenty, all].map((each) => each.median ?? Number.POSITIVE_INFINITY);
  expect([...medians].sort((a, b) => b - a)).toEqual(medians);
  expect(five.median).toBeLessThan(400);
  expect(twenty.median).toBeLessThan(60);
  expect(all.p90).toBeLessThanOrEqual(12);
  const late = at(20, { turnsAt: 100 });
  expect(late.found).toBe(1);
  expect(late.median).toBeLessThan(4 * (twenty.median ?? 0));
});

test('latency: the slower, the sooner; what the repository allows is left alone', () => {
  const at = (times: number, p95Ratio: number) =>
    playMany(30, {
      ...service,
      fresh: { errors: 0.001, p50: 20 * times },
      old: { errors: 0.001, p50: 20 },
      rules: { p95Ratio },
    });
  const [little, half, thrice] = [at(1.2, 1.1), at(1.5, 1.1), at(3, 1.1)];
  expect([little.found > 0.5, half.found, thrice.found]).toEqual([true, 1, 1]);
  expect(half.median).toBeLessThan(little.median ?? Number.POSITIVE_INFINITY);
  expect(thrice.median).toBeLessThan(half.median ?? 0);
  expect(thrice.p90).toBeLessThan(150);
  expect(at(1.2, 1.5).found).toBe(0);
  expect(at(3, 1.5).found).toBe(1);
});

test('the same seed plays the same canary', () => {
  const how = { ...service, fresh: { errors: 0.05 }, old: even };
  expect(play(7, how)).toBe(play(7, how));
});
