import { type Facts, RiskClass } from '@millwright/domain';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evaluate } from './evaluate.ts';
import { loadPolicy } from './load.ts';
import { facts } from './testing/any-facts.ts';
import { BOB, CAT, mergeFacts } from './testing/facts.ts';

const loaded = loadPolicy();
if (loaded.kind === 'refused') throw new Error(loaded.problems.join('\n'));
const { policy } = loaded;

const RUNS = 600;
/** How much is allowed: 3 at once, 2 and 1 with one or two people, 0 never. */
const freedom = (facts: Facts): number => {
  const { decision, approvals } = evaluate(policy, facts);
  return decision === 'allow' ? 3 : decision === 'deny' ? 0 : 3 - approvals;
};

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

/** A condition over facts that every action has; some of them cannot be evaluated. */
const condition: fc.Arbitrary<string> = fc.letrec<{ one: string; any: string }>((tie) => ({
  one: fc.oneof(
    fc
      .tuple(
        fc.constantFrom('context.step', 'context.approvals', 'context.budgetLeftCents'),
        fc.constantFrom('<', '<=', '==', '!=', '>', '>='),
        fc.integer({ min: -1, max: 8 }),
      )
      .map((parts) => parts.join(' ')),
    fc.constantFrom('context.halted', 'context.ticket.authorTrusted', 'context.ticket.askedByPerson'),
    fc.constantFrom('feature', 'bug', 'security', 'moon').map((kind) => `context.ticket.kind == "${kind}"`),
    fc.constantFrom('shop', 'till').map((repo) => `resource == Repository::"${repo}"`),
    fc.integer({ min: 0, max: 9 }).map((n) => `context.step * ${n} - context.approvals > 3`),
    fc.constant('context.approvals + 9223372036854775807 < 0'),
  ),
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('one'),
    tie('any').map((a) => `!(${a})`),
    fc
      .tuple(tie('any'), fc.constantFrom('&&', '||'), tie('any'))
      .map(([a, operator, b]) => `(${a} ${operator} ${b})`),
  ),
})).any;
const forbids: fc.Arbitrary<string> = fc
  .array(
    fc.record({
      action: fc.constantFrom(
        'action',
        'action == Action::"merge"',
        'action in [Action::"start", Action::"deploy"]',
      ),
      clause: fc.constantFrom('when', 'unless'),
      condition,
    }),
    { maxLength: 3 },
  )
  .map((all) =>
    all
      .map(
        (one, at) =>
          `@id("p${at}") forbid (principal, ${one.action}, resource) ${one.clause} { ${one.condition} };`,
      )
      .join('\n'),
  );

test('layers over the default only ever tighten, whatever they forbid and whatever the facts are', () => {
  const text = fc.option(forbids, { nil: null });
  let tightened = 0;
  fc.assert(
    fc.property(
      fc.record({ factory: text, unit: text, repository: text }),
      fc.array(facts, { minLength: 4, maxLength: 4 }),
      (layers, some) => {
        const tight = loadPolicy(layers);
        if (tight.kind === 'refused') throw new Error(tight.problems.join('\n'));
        const without = loadPolicy({ ...layers, unit: null });
        if (without.kind === 'refused') throw new Error(without.problems.join('\n'));
        const free = (decision: ReturnType<typeof evaluate>) =>
          decision.decision === 'allow' ? 3 : decision.decision === 'deny' ? 0 : 3 - decision.approvals;
        for (const f of some) {
          const all = free(evaluate(tight.policy, f));
          expect(all).toBeLessThanOrEqual(free(evaluate(without.policy, f)));
          expect(all).toBeLessThanOrEqual(freedom(f));
          if (all < freedom(f)) tightened += 1;
        }
      },
    ),
    { numRuns: 80 },
  );
  expect(tightened).toBeGreaterThan(20);
});

test('a permit in any layer is refused, wherever it stands among what forbids', () => {
  fc.assert(
    fc.property(
      forbids,
      forbids,
      fc.constantFrom('factory', 'unit', 'repository'),
      (before, after, layer) => {
        const permit = '@id("mine") permit (principal, action, resource);';
        const loaded = loadPolicy({
          [layer]: `${before}\n${permit}\n${after.replaceAll('@id("p', '@id("q')}`,
        });
        expect(loaded).toMatchObject({
          kind: 'refused',
          problems: [expect.stringContaining('never permit')],
        });
      },
    ),
    { numRuns: 40 },
  );
});
