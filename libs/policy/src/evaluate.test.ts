import type { Facts } from '@millwright/domain';
import { describe, expect, test } from 'vitest';
import { prepare, type Statement } from './engine.ts';
import { evaluate } from './evaluate.ts';
import { loadPolicy } from './load.ts';
import { ANN, BOB, CAT, deployFacts, mergeFacts, startFacts } from './testing/facts.ts';

const loaded = loadPolicy();
if (loaded.kind === 'refused') throw new Error(loaded.problems.join('\n'));
const { policy } = loaded;

const OTHER = 'b'.repeat(40);
const SHA = 'a'.repeat(40);
const without = (facts: Facts, fact: string): Facts => {
  const { [fact]: _gone, ...rest } = facts as unknown as Record<string, unknown>;
  return rest as unknown as Facts;
};

const HELD = { commit: SHA, release: 'rel_00000001', how: 'commit', as: SHA };

describe('what no approval lifts is a final deny, at the highest step and with two approvals', () => {
  const strong = { step: 7, approvals: [BOB, CAT] };
  test.each<[string, string, Facts]>([
    ['halted', 'halted', startFacts({ ...strong, halted: true })],
    ['budget spent', 'start-budget', startFacts({ ...strong, budgetLeftUsd: 0 })],
    [
      'tests failed',
      'tests',
      mergeFacts({ ...strong, test: { tree: SHA, verdict: 'failed', namesKnown: true } }),
    ],
    [
      'tests invalid',
      'tests',
      deployFacts({ ...strong, test: { tree: SHA, verdict: 'invalid', namesKnown: true } }),
    ],
    [
      'tests of another tree',
      'tests',
      mergeFacts({ ...strong, test: { tree: OTHER, verdict: 'passed', namesKnown: true } }),
    ],
    ['release built from another tree', 'tests', deployFacts({ ...strong, candidate: { tree: OTHER } })],
    [
      'changes wanted',
      'merge-review',
      mergeFacts({ ...strong, review: { patchId: SHA, verdict: 'request_changes' } }),
    ],
    ['never reviewed', 'merge-review', mergeFacts({ ...strong, review: { patchId: SHA, verdict: 'none' } })],
    [
      'gone without a review, and not trivial',
      'merge-review',
      mergeFacts({ ...strong, review: { patchId: SHA, verdict: 'skipped' }, change: { risk: 'low' } }),
    ],
    [
      'review of another patch',
      'merge-review',
      mergeFacts({ ...strong, review: { patchId: OTHER, verdict: 'approve' } }),
    ],
    [
      'a secret',
      'secrets',
      mergeFacts({ ...strong, change: { secrets: [{ path: 'a', line: 1, kind: 'private key' }] } }),
    ],
    ['rolled back before', 'quarantine', mergeFacts({ ...strong, quarantine: [HELD] })],
    ['holds what was rolled back', 'quarantine', deployFacts({ ...strong, quarantine: [HELD] })],
    ['frozen', 'deploy-frozen', deployFacts({ ...strong, frozen: true })],
  ])('%s', (_name, id, facts) => {
    const decision = evaluate(policy, facts);
    expect(decision.decision).toBe('deny');
    expect(decision.policies).toContain(id);
    expect(decision.reason).toMatch(/^Denied .*No approval lifts this/);
  });
});

test('a trivial change may have gone without a review', () => {
  const change = { risk: 'trivial' as const, reasons: [] };
  const skipped = { patchId: SHA, verdict: 'skipped' };
  expect(evaluate(policy, mergeFacts({ step: 3, review: skipped, change })).decision).toBe('allow');
  expect(evaluate(policy, mergeFacts({ step: 2, review: skipped, change })).decision).toBe('needs_approval');
  expect(
    evaluate(policy, mergeFacts({ step: 3, review: { ...skipped, patchId: OTHER }, change })).decision,
  ).toBe('deny');
});

describe('approvals', () => {
  const protectedChange = { risk: 'raised' as const, protectedPaths: ['migrations/1.sql'] };
  test('two people are two, neither of them the requester', () => {
    const asked = (approvals: string[]) =>
      evaluate(policy, mergeFacts({ approvals, change: protectedChange }));
    expect(asked([])).toMatchObject({ decision: 'needs_approval', approvals: 2 });
    expect(asked([BOB])).toMatchObject({ decision: 'needs_approval', approvals: 2 });
    expect(asked([BOB, BOB])).toMatchObject({ decision: 'needs_approval', approvals: 2 });
    expect(asked([ANN, BOB])).toMatchObject({ decision: 'needs_approval', approvals: 2 });
    expect(asked([BOB, CAT])).toMatchObject({
      decision: 'allow',
      reason: expect.stringMatching(
        /^Allowed to merge the change by two people at step \d: protected paths change/,
      ),
    });
  });

  test('a wait names what stands in the way and what would permit', () => {
    const decision = evaluate(policy, mergeFacts({ change: protectedChange }));
    expect(decision.policies).toEqual(['merge-raised', 'two-people-protected']);
    expect(decision.reason).toContain('two people other than the requester allow it (0 so far)');
  });

  test('what waits for one person and what is denied besides is denied', () => {
    const facts = mergeFacts({ step: 5, review: { patchId: SHA, verdict: 'request_changes' } });
    expect(evaluate(policy, facts)).toMatchObject({ decision: 'deny', policies: ['merge-review'] });
  });
});

describe('what no test speaks for', () => {
  test.each(['tests-reconfigured', 'stands-before'])('waits for a person at step 7 too: %s', (code) => {
    const change = { risk: 'raised' as const, reasons: [{ code, text: 'adds src/sum.js' }] };
    const asked = (over: object) => evaluate(policy, mergeFacts({ step: 7, change, ...over }));
    expect(asked({})).toMatchObject({
      decision: 'needs_approval',
      approvals: 1,
      policies: expect.arrayContaining([`merge-${code}`]),
    });
    expect(asked({ approvals: [BOB] })).toMatchObject({ decision: 'allow' });
  });

  test('what makes a link of what configures tests is denied, whoever allows it', () => {
    const change = {
      risk: 'raised' as const,
      reasons: [{ code: 'configuration-link', text: 'makes package.json a link' }],
    };
    expect(evaluate(policy, mergeFacts({ step: 5, change, approvals: [BOB] }))).toMatchObject({
      decision: 'deny',
      policies: ['merge-configuration-link'],
    });
  });

  test.each(['no_tests', 'failing_as_on_base'] as const)(
    'waits for a person at step 7 too: %s',
    (verdict) => {
      const asked = (over: object) =>
        evaluate(policy, mergeFacts({ step: 7, test: { tree: SHA, verdict, namesKnown: false }, ...over }));
      expect(asked({ change: { risk: 'raised' } })).toMatchObject({
        decision: 'needs_approval',
        approvals: 1,
      });
      expect(asked({ change: { risk: 'raised' } }).policies).toContain('untested');
      expect(asked({ change: { risk: 'raised' }, approvals: [BOB] })).toMatchObject({ decision: 'allow' });
      expect(asked({ change: { risk: 'trivial' } })).toMatchObject({ decision: 'allow' });
    },
  );
});

describe('fails closed', () => {
  test.each([
    'halted',
    'step',
    'ceiling',
    'requester',
    'approvals',
    'ticket',
    'budgetLeftUsd',
    'change',
    'test',
    'review',
    'candidate',
  ])('without the fact %s', (fact) => {
    const decision = evaluate(policy, without(mergeFacts({ step: 7 }), fact));
    expect(decision).toMatchObject({ decision: 'deny', policies: ['fact-missing'] });
    expect(decision.reason).toContain(fact);
  });

  test('facts that are no facts at all', () => {
    for (const facts of [null, undefined, 7, {}, [], { action: 'rollback' }])
      expect(evaluate(policy, facts as unknown as Facts).decision).toBe('deny');
  });

  const permitAll: Statement = {
    id: 'all',
    effect: 'permit',
    says: 'all',
    text: 'permit (principal, action, resource);',
  };

  test('a forbid that reads a missing attribute does not allow, though Cedar alone would', () => {
    const forbid: Statement = {
      id: 'f',
      effect: 'forbid',
      says: 'f',
      text: 'forbid (principal, action, resource) when { context.nowhere };',
    };
    expect(evaluate(prepare([permitAll], null), startFacts()).decision).toBe('allow');
    expect(evaluate(prepare([permitAll, forbid], null), startFacts())).toMatchObject({
      decision: 'deny',
      policies: ['engine'],
    });
  });

  test('an error of a policy under supposed approvals does not make it wait', () => {
    const waits: Statement = {
      id: 'w',
      effect: 'permit',
      says: 'w',
      text: 'permit (principal, action, resource) when { context.approvals >= 1 };',
    };
    const errs: Statement = {
      id: 'e',
      effect: 'forbid',
      says: 'e',
      text: 'forbid (principal, action, resource) when { context.approvals >= 1 && context.nowhere };',
    };
    expect(evaluate(prepare([waits], null), startFacts()).decision).toBe('needs_approval');
    expect(evaluate(prepare([waits, errs], null), startFacts())).toMatchObject({
      decision: 'deny',
      policies: ['engine'],
    });
  });

  test('a policy set that the engine does not have', () => {
    expect(evaluate({ ...policy, name: 'gone' }, startFacts())).toMatchObject({
      decision: 'deny',
      policies: ['engine'],
    });
  });
});
