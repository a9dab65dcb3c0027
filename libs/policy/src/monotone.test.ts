import { type Facts, RiskClass } from '@millwright/domain';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evaluate } from './evaluate.ts';
import { loadPolicy } from './load.ts';
import { BOB, CAT, deployFacts, mergeFacts, startFacts, undo as undoFacts } from './testing/facts.ts';

const loaded = loadPolicy();
if (loaded.kind === 'refused') throw new Error(loaded.problems.join('\n'));
const { policy } = loaded;

const RUNS = 600;
/** How much is allowed: 3 at once, 2 and 1 with one or two people, 0 never. */
const freedom = (facts: Facts): number => {
  const { decision, approvals } = evaluate(policy, facts);
  return decision === 'allow' ? 3 : decision === 'deny' ? 0 : 3 - approvals;
};

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

const facts: fc.Arbitrary<Facts> = fc.oneof(
  fc.record(common).map(startFacts),
  fc
    .record({ ...common, change, quarantine, test: test_, review })
    .map((f) => mergeFacts(f as Parameters<typeof mergeFacts>[0])),
  fc
    .record({ ...common, change, quarantine, test: test_, undo, frozen: rarely, flips: fc.nat(3) })
    .map((f) => deployFacts(f as Parameters<typeof deployFacts>[0])),
);

test('a lower step or ceiling never allows what a higher one does not', () => {
  fc.assert(
    fc.property(facts, fc.nat(7), fc.nat(7), (f, less, lower) => {
      const down = { ...f, step: Math.max(0, f.step - less), ceiling: Math.max(0, f.ceiling - lower) };
      expect(freedom(down)).toBeLessThanOrEqual(freedom(f));
    }),
    { numRuns: RUNS },
  );
});

test('more approvals never allow less, and what waits for n is allowed by n', () => {
  fc.assert(
    fc.property(facts, (f) => {
      const [bob, cat] = mergeFacts({ approvals: [BOB, CAT] }).approvals;
      if (bob === undefined || cat === undefined) throw new Error('two people expected');
      const by = [[], [bob], [bob, cat]].map((approvals) => ({ ...f, approvals }));
      const kinds = by.map((one) => evaluate(policy, one).decision);
      const rank = { deny: 0, needs_approval: 1, allow: 2 } as const;
      for (let i = 1; i < kinds.length; i++)
        expect(rank[kinds[i] ?? 'deny']).toBeGreaterThanOrEqual(rank[kinds[i - 1] ?? 'deny']);
      for (const one of by) {
        const decision = evaluate(policy, one);
        if (decision.decision !== 'needs_approval') continue;
        expect(decision.approvals).toBeGreaterThan(one.approvals.length);
        expect(by.map((b) => evaluate(policy, b).decision)[decision.approvals]).toBe('allow');
      }
    }),
    { numRuns: RUNS },
  );
});

test('more risk never allows more', () => {
  fc.assert(
    fc.property(
      facts,
      fc.nat(2),
      fc.subarray(['protectedPaths', 'sensitivePaths', 'irreversible', 'secrets']),
      (f, more, added) => {
        if (f.action === 'start') return;
        const risk =
          RiskClass.options[Math.min(2, RiskClass.options.indexOf(f.change.risk) + more)] ?? 'raised';
        const found = {
          protectedPaths: ['AGENTS.md'],
          sensitivePaths: ['src/auth.ts'],
          irreversible: [{ path: 'a', line: 1, statement: 'DROP' }],
          secrets: [{ path: 'a', line: 1, kind: 'private key' }],
        };
        const extra = Object.fromEntries(Object.entries(found).filter(([key]) => added.includes(key)));
        expect(freedom({ ...f, change: { ...f.change, ...extra, risk } })).toBeLessThanOrEqual(freedom(f));
      },
    ),
    { numRuns: RUNS },
  );
});

test.each(['unit', 'repository'])('a %s’s own policy only ever tightens', (layer) => {
  const tight = loadPolicy({
    [layer]: `
    @id("freeze-friday") @says("friday") forbid (principal, action == Action::"deploy", resource);
    @id("two") forbid (principal, action, resource) when { context.approvals < 2 && context.ticket.kind == "security" };
    @id("odd") forbid (principal, action == Action::"merge", resource) when { context.approvals > 0 && context.change.files > 0 };
  `,
  });
  if (tight.kind === 'refused') throw new Error(tight.problems.join('\n'));
  const own = tight.policy;
  const rank = { deny: 0, needs_approval: 1, allow: 2 } as const;
  fc.assert(
    fc.property(facts, (f) => {
      expect(rank[evaluate(own, f).decision]).toBeLessThanOrEqual(rank[evaluate(policy, f).decision]);
    }),
    { numRuns: RUNS },
  );
});
