import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Histogram } from '../proxy/histogram.ts';
import {
  type Canary,
  judge,
  type Look,
  nextStep,
  observe,
  type Rules,
  type Sample,
  startCanary,
} from './judge.ts';

const rules: Rules = {
  rollbackWhen: { errorRate: 0.02, p95Ratio: 1.5, restarts: 1 },
  minRequests: 20,
  measured: true,
  hasOld: true,
};
const spread = (ms: readonly number[]) => {
  const histogram = new Histogram();
  for (const each of ms) histogram.add(each);
  return histogram;
};
const sample = (n: number, hits = 0, ms: readonly number[] | null = null): Sample => ({
  n,
  hits,
  latency: ms === null ? null : spread(ms),
});
const look = (fresh: Sample | null, old: Sample | null = sample(50), more: Partial<Look> = {}): Look => ({
  fresh,
  old,
  restarts: 0,
  probe: true,
  checks: [],
  ...more,
});
const times = (n: number, each: Look) => Array.from({ length: n }, () => each);
function judged(looks: readonly Look[], with_: Partial<Rules> = {}, from: Canary = startCanary()) {
  const asked = { ...rules, ...with_ };
  const canary = looks.reduce((now, each) => observe(now, each, asked), from);
  return judge(canary, looks.at(-1) ?? look(null), asked);
}
const check = (kind: 'healthy' | 'degraded' | 'inconclusive' | null) => ({
  checks: [{ name: 'smoke', result: kind === null ? null : { kind, reason: 'said so' } }],
});
const alone = { hasOld: false };
const quiet = look(sample(0), sample(0));

test.each<[string, readonly Look[], Partial<Rules>, string, string | RegExp]>([
  ['no errors, enough traffic', times(5, look(sample(20))), {}, 'healthy', '0 of 100'],
  [
    'errors under the limit',
    [...times(50, look(sample(20))), look(sample(20, 2))],
    {},
    'healthy',
    '2 of 1020',
  ],
  [
    'all errors',
    times(2, look(sample(5, 5))),
    {},
    'degraded',
    '10 of 10 requests failed (100.0 %, limit 2.0 %',
  ],
  ['10 % errors, plainly', times(30, look(sample(20, 2))), {}, 'degraded', /limit 2.0 %, old release 0.0 %/],
  [
    'one early error is not proof',
    times(3, look(sample(1, 1)))
      .slice(0, 1)
      .concat(quiet, quiet),
    {},
    'inconclusive',
    'too few to tell',
  ],
  [
    'the old one fails as much: not the release',
    times(30, look(sample(20, 4), sample(20, 4))),
    {},
    'inconclusive',
    'the old release fails too',
  ],
  ['an idle old one is no excuse', times(5, look(sample(20, 10), null)), {}, 'degraded', /failed/],
  ['a first release with errors', times(5, look(sample(20, 10), null)), alone, 'degraded', /failed/],
  [
    'a first release without traffic',
    times(3, look(sample(0), null)),
    alone,
    'healthy',
    'judged by its health',
  ],
  [
    'too little traffic',
    times(5, look(sample(2))),
    {},
    'inconclusive',
    'too little traffic: 10 requests, 20 are needed',
  ],
  [
    'too little traffic, and a check speaks for it',
    times(5, look(sample(2), sample(9), check('healthy'))),
    {},
    'healthy',
    'check smoke well',
  ],
  [
    'too little traffic, and nobody minds',
    times(5, quiet),
    { minRequests: 0 },
    'healthy',
    'judged by its health',
  ],
  [
    'a check that fails',
    [look(sample(50), sample(50), check('degraded'))],
    {},
    'degraded',
    'check smoke: said so',
  ],
  [
    'a check that cannot tell',
    times(5, look(sample(50), sample(50), check('inconclusive'))),
    {},
    'inconclusive',
    'check smoke: said so',
  ],
  [
    'a check without an answer',
    times(5, look(sample(50), sample(50), check(null))),
    {},
    'inconclusive',
    'no answer yet',
  ],
  ['too few probes', times(2, look(sample(50))), {}, 'inconclusive', 'only 2 health probes yet'],
  ['no figures at all', times(5, look(null)), {}, 'inconclusive', 'the proxy gives no figures'],
  [
    'a target without figures',
    times(5, look(null)),
    { measured: false },
    'inconclusive',
    'this target gives no figures',
  ],
  [
    'a target without figures, with a check',
    times(5, look(null, null, check('healthy'))),
    { measured: false },
    'healthy',
    'check smoke well',
  ],
  ['no figures, but restarts', [look(null, null, { restarts: 1 })], {}, 'degraded', 'restarted 1 times'],
  [
    'three probes down',
    times(3, look(sample(50), sample(50), { probe: false })),
    {},
    'degraded',
    '3 health probes in a row failed',
  ],
  [
    'flapping health',
    [true, false, true, false, true].map((probe) => look(sample(50), sample(50), { probe })),
    {},
    'inconclusive',
    'flapping',
  ],
  [
    'recovered health',
    [false, false, true, true, true].map((probe) => look(sample(50), sample(50), { probe })),
    {},
    'healthy',
    '3 of 5',
  ],
])('%s', (_name, looks, with_, kind, reason) => {
  const verdict = judged(looks, with_);
  expect(verdict.kind, verdict.reason).toBe(kind);
  expect(verdict.reason).toMatch(
    reason instanceof RegExp ? reason : new RegExp(reason.replace(/[.()]/g, '\\$&')),
  );
  expect(verdict.needs === null).toBe(kind !== 'inconclusive');
});

test('slower than the ratio allows degrades, after the warm-up and only when it lasts', () => {
  const fast = Array.from({ length: 20 }, (_, at) => 15 + at);
  const slow = fast.map((ms) => ms * 3);
  const good = look(sample(20, 0, fast), sample(20, 0, fast));
  const bad = look(sample(20, 0, slow), sample(20, 0, fast));
  expect(judged(times(40, good)).kind).toBe('healthy');
  expect(judged(times(2, bad)).kind).toBe('inconclusive');
  const verdict = judged([...times(5, good), ...times(12, bad)]);
  expect(verdict).toMatchObject({ kind: 'degraded' });
  expect(verdict.reason).toMatch(/^p50 is \d+ ms, the old release's \d+ ms \(limit \d+ ms\)$/);
  // What it says is what is wrong now, however long all was well before.
  const later = judged([...times(100, good), ...times(12, bad)]);
  const [now = 0, , most = 0] = later.reason.match(/\d+(?= ms)/g)?.map(Number) ?? [];
  expect(now, later.reason).toBeGreaterThan(most);
  // Both slow down together: the machine, not the release.
  const both = look(sample(20, 0, slow), sample(20, 0, slow));
  expect(judged([...times(10, good), ...times(10, both)]).kind).toBe('healthy');
  // One pause of the new release alone.
  expect(judged([...times(10, good), bad, ...times(10, good)]).kind).toBe('healthy');
});

test('what was seen at a smaller share still counts at a larger one', () => {
  const bad = look(sample(20, 2), sample(80));
  const first = times(4, bad).reduce((now, each) => observe(now, each, rules), startCanary());
  expect(judge(first, bad, rules).kind).toBe('inconclusive');
  const again = judged(times(4, bad), {}, nextStep(first));
  const anew = judged(times(4, bad));
  expect([again.kind, anew.kind]).toEqual(['degraded', 'inconclusive']);
});

const anySample = fc
  .integer({ min: 0, max: 60 })
  .chain((n) => fc.integer({ min: 0, max: n }).map((hits) => sample(n, hits)));
const anyLook = fc.record({
  fresh: fc.option(anySample),
  old: fc.option(anySample),
  restarts: fc.constantFrom(0, 0, 0, 1),
  probe: fc.option(fc.boolean()),
  checks: fc.constantFrom<Look['checks']>(
    [],
    check('healthy').checks,
    check('inconclusive').checks,
    check(null).checks,
  ),
});

test('healthy always has figures, enough of them, no restart, a rate within the limit and three good probes', () => {
  fc.assert(
    fc.property(fc.array(anyLook, { minLength: 1, maxLength: 12 }), (looks) => {
      if (judged(looks).kind !== 'healthy') return true;
      const sum = (of: (each: Look) => number) => looks.reduce((all, each) => all + of(each), 0);
      const [n, hits] = [sum((each) => each.fresh?.n ?? 0), sum((each) => each.fresh?.hits ?? 0)];
      const last = looks.at(-1);
      const probes = looks.flatMap(({ probe }) => (probe === null ? [] : [probe]));
      return (
        last?.fresh !== null &&
        hits <= n * rules.rollbackWhen.errorRate &&
        sum((each) => each.restarts) === 0 &&
        (n >= rules.minRequests || last?.checks[0]?.result?.kind === 'healthy') &&
        probes.slice(-3).filter((ok) => ok).length === 3
      );
    }),
    { numRuns: 1_000 },
  );
});

test('with nothing failing, and nobody slower, no order of looks degrades', () => {
  const fine = anyLook.map((each) => ({
    ...each,
    restarts: 0,
    probe: true,
    fresh: each.fresh && { ...each.fresh, hits: 0 },
  }));
  fc.assert(
    fc.property(
      fc.array(fine, { minLength: 1, maxLength: 30 }),
      (looks) => judged(looks).kind !== 'degraded',
    ),
    { numRuns: 500 },
  );
});
