import { type CanaryKind, javascript } from '@millwright/toolchains';
import { expect, test } from 'vitest';
import { canaryFault } from './canaries.ts';
import type { Outcome } from './report.ts';

let n = 0;
const canary = javascript.makeCanary(
  { file: 'test/a.js', runner: 'mocha', place: 'around' },
  () => `q${String(n++).padStart(12, '0')}`,
);
const right = (
  { title, kind }: { title: string; kind: CanaryKind },
  change: Partial<Outcome> = {},
): Outcome => ({
  ...{ kind: 'test', name: title, title, file: canary.file },
  ...{ state: kind === 'pass' ? 'pass' : 'fail', message: kind === 'pass' ? '' : `Error: ${canary.proof}` },
  ...change,
});
const all = canary.marks.map((mark) => right(mark));

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
  for (const mark of canary.marks.filter((one) => one.kind === kind)) {
    expect(canaryFault(canary, [...all, right(mark, change)])).toMatch(fault);
    expect(canaryFault(canary, [right(mark, change), ...all])).toMatch(fault);
  }
});

test('a canary that does not report is a fault', () => {
  for (const mark of canary.marks)
    expect(
      canaryFault(
        canary,
        all.filter(({ title }) => title !== mark.title),
      ),
    ).toMatch(/in test\/a\.js did not report/);
});
