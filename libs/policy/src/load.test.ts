import { describe, expect, test } from 'vitest';
import { evaluate } from './evaluate.ts';
import { loadPolicy, MAX_LAYER } from './load.ts';
import { BOB, deployFacts, mergeFacts } from './testing/facts.ts';

describe('a repository’s own policy', () => {
  test('adds a forbid, named as the repository’s, which approvals may lift', () => {
    const loaded = loadPolicy({
      repository:
        '@id("ask") @says("this shop asks first") forbid (principal, action == Action::"deploy", resource) when { context.approvals < 1 };',
    });
    if (loaded.kind === 'refused') throw new Error(loaded.problems.join('\n'));
    expect(evaluate(loaded.policy, mergeFacts()).decision).toBe('allow');
    const waits = evaluate(loaded.policy, deployFacts());
    expect(waits).toMatchObject({ decision: 'needs_approval', approvals: 1 });
    expect(waits.policies).toContain('repository/ask');
    expect(waits.reason).toContain('this shop asks first');
    expect(evaluate(loaded.policy, deployFacts({ approvals: [BOB] })).decision).toBe('allow');
  });

  test('judges how many files a change deletes', () => {
    const loaded = loadPolicy({
      repository:
        '@id("gone") forbid (principal, action == Action::"merge", resource) when { context.change.filesDeleted > 2 && context.approvals < 1 };',
    });
    if (loaded.kind === 'refused') throw new Error(loaded.problems.join('\n'));
    const merge = (filesDeleted: number) =>
      evaluate(
        loaded.policy,
        mergeFacts({ change: { size: { files: 9, filesDeleted, added: 0, removed: 9 } } }),
      );
    expect(merge(2).decision).toBe('allow');
    expect(merge(3)).toMatchObject({
      decision: 'needs_approval',
      policies: ['merge-low', 'repository/gone'],
    });
  });

  test.each([
    ['a permit', '@id("mine") permit (principal, action, resource);', 'never permit'],
    ['a template', '@id("t") forbid (principal == ?principal, action, resource);', 'templates'],
    ['no id', 'forbid (principal, action, resource);', '@id'],
    [
      'an id twice',
      '@id("a") forbid (principal, action, resource); @id("a") forbid (principal, action, resource);',
      'twice',
    ],
    ['no Cedar', 'allow everything', 'repository policy'],
    ['an unknown fact', '@id("a") forbid (principal, action, resource) when { context.nowhere };', 'nowhere'],
    [
      'a fact that this action lacks',
      '@id("a") forbid (principal, action, resource) when { context.frozen };',
      'frozen',
    ],
    [
      'a fact of another type',
      '@id("a") forbid (principal, action, resource) when { context.step == "6" };',
      'repository/a',
    ],
    ['too much', `//${'x'.repeat(MAX_LAYER)}`, 'longer'],
  ])('is refused, as a unit’s is: %s', (_name, text, said) => {
    for (const layer of ['repository', 'unit', 'factory']) {
      const loaded = loadPolicy({ [layer]: text });
      expect(loaded.kind).toBe('refused');
      if (loaded.kind !== 'refused') continue;
      expect(loaded.problems.join('\n')).toContain(said.replace('repository', layer));
    }
  });

  test('cannot replace a default policy by its id', () => {
    const repository = '@id("tests") forbid (principal, action, resource) when { context.step > 7 };';
    const loaded = loadPolicy({ repository });
    if (loaded.kind === 'refused') throw new Error(loaded.problems.join('\n'));
    const facts = mergeFacts({ test: { tree: 'a'.repeat(40), verdict: 'failed', namesKnown: true } });
    expect(evaluate(loaded.policy, facts)).toMatchObject({ decision: 'deny', policies: ['tests'] });
  });

  test('an empty one changes nothing', () => {
    expect(loadPolicy({ repository: '' }).kind).toBe('loaded');
  });
});

test('a unit’s policy forbids beside the repository’s, each under its own name', () => {
  const forbid = (says: string, action: string) =>
    `@id("own") @says("${says}") forbid (principal, action == Action::"${action}", resource);`;
  const loaded = loadPolicy({
    unit: forbid('payments are closed', 'merge'),
    repository: forbid('this shop is', 'deploy'),
  });
  if (loaded.kind === 'refused') throw new Error(loaded.problems.join('\n'));
  expect(evaluate(loaded.policy, mergeFacts())).toMatchObject({
    decision: 'deny',
    policies: ['unit/own'],
    reason: expect.stringContaining('payments are closed'),
  });
  expect(evaluate(loaded.policy, deployFacts())).toMatchObject({ policies: ['repository/own'] });
});
