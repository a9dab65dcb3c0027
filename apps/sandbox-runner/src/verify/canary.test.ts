import { expect, test } from 'vitest';
import { CANARY_KINDS, type CanaryKind, canaryFault, makeCanary } from './canary.ts';
import type { Outcome } from './report.ts';

let n = 0;
const canary = makeCanary('test/a.js', () => `q${String(n++).padStart(12, '0')}`);
const right = (kind: CanaryKind, change: Partial<Outcome> = {}): Outcome => ({
  ...{ kind: 'test', name: canary.names[kind], title: canary.names[kind], file: canary.file },
  ...{ state: kind === 'pass' ? 'pass' : 'fail', message: kind === 'pass' ? '' : `Error: ${canary.proof}` },
  ...change,
});
const all = CANARY_KINDS.map((kind) => right(kind));

test('canaries that all report right have no fault, in one process or in several', () => {
  expect(canaryFault(canary, all)).toBeNull();
  // fastify-plugin's test/esm/index.test.js imports test/esm/esm.mjs, which node --test runs by itself too.
  expect(canaryFault(canary, [...all, ...all])).toBeNull();
});

test.each<[CanaryKind, Partial<Outcome>, RegExp]>([
  ['pass', { state: 'fail' }, /must-pass canary .* was fail/],
  ['throw', { state: 'pass' }, /must-fail canary \(throw\) .* was pass/],
  ['reject', { message: 'no' }, /another error than its own/],
  ['assert', { message: 'neutered: equal ok' }, /let wrong values by .*: equal ok/],
])('one wrong report of %s among right ones is a fault', (kind, change, fault) => {
  expect(canaryFault(canary, [...all, right(kind, change)])).toMatch(fault);
  expect(canaryFault(canary, [right(kind, change), ...all])).toMatch(fault);
});

test('a canary that does not report is a fault', () => {
  expect(canaryFault(canary, all.slice(1))).toMatch(/\(pass\) in test\/a\.js did not report/);
});
