import { type Facts, RiskClass } from '@millwright/domain';
import fc from 'fast-check';
import { BOB, CAT, deployFacts, mergeFacts, startFacts, undo as undoFacts } from './facts.ts';

// Facts of any day, for properties.

const sha = fc.constantFrom('a'.repeat(40), 'a'.repeat(40), 'a'.repeat(40), 'b'.repeat(40));
const rarely = fc.integer({ min: 0, max: 7 }).map((n) => n === 0);
const listed = (value: unknown) => rarely.map((there) => (there ? [value] : []));
const change = fc.record({
  risk: fc.constantFrom(...RiskClass.options),
  protectedPaths: listed('AGENTS.md'),
  sensitivePaths: listed('src/auth.ts'),
  irreversible: listed({ path: 'a', line: 1, statement: 'DROP' }),
  secrets: listed({ path: 'a', line: 1, kind: 'private key' }),
});
const common = {
  step: fc.integer({ min: 0, max: 7 }),
  ceiling: fc.integer({ min: 0, max: 7 }),
  halted: rarely,
  budgetLeftUsd: fc.constantFrom(-1, 0, 0.001, 5),
  ticket: fc.record({
    kind: fc.constantFrom('feature', 'bug', 'security', 'docs'),
    authorTrusted: fc.boolean(),
    askedByPerson: fc.boolean(),
  }),
  approvals: fc.subarray([BOB, CAT]),
};
const test_ = fc.record({
  tree: sha,
  verdict: fc.constantFrom(
    'passed',
    'passed',
    'passed',
    'failed',
    'invalid',
    'no_tests',
    'failing_as_on_base',
    'none',
  ),
  namesKnown: fc.boolean(),
});
const review = fc.record({
  patchId: sha,
  verdict: fc.constantFrom('approve', 'approve', 'request_changes', 'skipped', 'none'),
});
const quarantine = listed({
  commit: 'a'.repeat(40),
  release: 'rel_00000001',
  how: 'commit',
  as: 'a'.repeat(40),
});
const undo = fc.record({ possible: fc.boolean(), rehearsed: fc.boolean() }).map(undoFacts);

export const facts: fc.Arbitrary<Facts> = fc.oneof(
  fc.record(common).map(startFacts),
  fc
    .record({ ...common, change, quarantine, test: test_, review })
    .map((f) => mergeFacts(f as Parameters<typeof mergeFacts>[0])),
  fc
    .record({ ...common, change, quarantine, test: test_, undo, frozen: rarely, flips: fc.nat(3) })
    .map((f) => deployFacts(f as Parameters<typeof deployFacts>[0])),
);
