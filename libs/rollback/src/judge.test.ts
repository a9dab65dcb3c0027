import fc from 'fast-check';
import { expect, test } from 'vitest';
import { judge, type Seen, wilson } from './judge.ts';

const when = { errorRate: 0.02, p95Ratio: 1.5, restarts: 1 };
const well = [true, true, true, true];
const seen = (requests: number, errors: number, more: Partial<Seen> = {}): Seen => ({
  counters: { requests, errors },
  restarts: 0,
  probes: well,
  ...more,
});

test.each<[string, Seen, Seen | null, string]>([
  ['no errors, enough traffic', seen(500, 0), seen(500, 0), 'healthy'],
  ['a few errors under the limit', seen(1_000, 10), seen(1_000, 0), 'healthy'],
  ['all errors', seen(10, 10), seen(90, 0), 'degraded'],
  ['5 % errors, plainly', seen(1_000, 50), seen(1_000, 1), 'degraded'],
  ['one early error is not proof', seen(5, 1), seen(90, 0), 'inconclusive'],
  ['over the limit, too few to tell', seen(60, 2), seen(90, 0), 'inconclusive'],
  ['the old one fails as much: not the release', seen(500, 100), seen(500, 100), 'inconclusive'],
  ['an idle old one is no excuse', seen(100, 50), seen(0, 0), 'degraded'],
  ['first release with errors', seen(100, 50), null, 'degraded'],
  ['no traffic, probes well', seen(0, 0), seen(0, 0), 'healthy'],
  ['no traffic, too few probes', seen(0, 0, { probes: [true, true] }), seen(0, 0), 'inconclusive'],
  ['no figures at all', seen(0, 0, { counters: null }), seen(9, 0), 'inconclusive'],
  ['no figures, but restarts', seen(0, 0, { counters: null, restarts: 1 }), null, 'degraded'],
  ['three probes down', seen(500, 0, { probes: [true, false, false, false] }), seen(500, 0), 'degraded'],
  [
    'flapping health',
    seen(500, 0, { probes: [true, false, true, false, true] }),
    seen(500, 0),
    'inconclusive',
  ],
  ['recovered health', seen(500, 0, { probes: [false, false, true, true, true] }), seen(500, 0), 'healthy'],
])('%s', (_name, fresh, old, kind) => {
  expect(judge(fresh, old, when).kind).toBe(kind);
});

const any = fc.record({
  counters: fc.option(
    fc
      .integer({ min: 0, max: 5_000 })
      .chain((requests) =>
        fc.record({ requests: fc.constant(requests), errors: fc.integer({ min: 0, max: requests }) }),
      ),
  ),
  restarts: fc.integer({ min: 0, max: 3 }),
  probes: fc.array(fc.boolean(), { maxLength: 8 }),
});

test('healthy always has figures, no restart over the limit, a rate within the limit and three good probes', () => {
  fc.assert(
    fc.property(any, fc.option(any), (fresh, old) => {
      if (judge(fresh, old, when).kind !== 'healthy') return true;
      const { counters, restarts, probes } = fresh;
      return (
        counters !== null &&
        counters.errors <= counters.requests * when.errorRate &&
        restarts < when.restarts &&
        probes.slice(-3).filter((ok) => ok).length === 3
      );
    }),
    { numRuns: 2_000 },
  );
});

test('more errors never make the verdict better', () => {
  const rank = { healthy: 0, inconclusive: 1, degraded: 2 };
  fc.assert(
    fc.property(
      any,
      fc.option(any),
      fc.integer({ min: 1, max: 5_000 }),
      fc.nat(5_000),
      fc.nat(5_000),
      (base, old, requests, a, b) => {
        const [few, many] = [Math.min(a, b, requests), Math.min(Math.max(a, b), requests)];
        const better = judge({ ...base, counters: { requests, errors: few } }, old, when);
        const worse = judge({ ...base, counters: { requests, errors: many } }, old, when);
        return rank[worse.kind] >= rank[better.kind];
      },
    ),
    { numRuns: 2_000 },
  );
});

test('the interval holds the rate, and knows nothing without samples', () => {
  expect(wilson(0, 0)).toEqual({ lower: 0, upper: 1 });
  // Published value: 10 of 100 at 95 % is 0.0552 to 0.1744.
  expect(wilson(10, 100).lower).toBeCloseTo(0.0552, 4);
  expect(wilson(10, 100).upper).toBeCloseTo(0.1744, 4);
});
