import type { Facts } from '@millwright/domain';
import { describe, expect, test } from 'vitest';
import { evaluate } from './evaluate.ts';
import { loadPolicy } from './load.ts';
import { deployFacts, mergeFacts, startFacts, undo } from './testing/facts.ts';

// The ladder's table, row by row and step by step, against the policy. a: allow, p: one person, 2: two people, d: deny.

const loaded = loadPolicy();
if (loaded.kind === 'refused') throw new Error(loaded.problems.join('\n'));
const { policy } = loaded;

const unasked = { kind: 'feature', authorTrusted: true, askedByPerson: false };
const SHORT = { allow: 'a', deny: 'd', needs_approval: 'p' } as const;
const row = (facts: (step: number) => Facts): string =>
  [0, 1, 2, 3, 4, 5, 6, 7]
    .map((step) => evaluate(policy, facts(step)))
    .map((d) => (d.approvals === 2 ? '2' : SHORT[d.decision]))
    .join('');

describe('every row of the ladder at steps 0 to 7', () => {
  test.each<[string, string, (step: number) => Facts]>([
    ['start: a trusted person asked', 'pppppaaa', (step) => startFacts({ step })],
    ['start: nobody asked, a new kind', 'dddddppa', (step) => startFacts({ step, ticket: unasked })],
    [
      'start: nobody asked, a known kind',
      'dddddpaa',
      (step) => startFacts({ step, ticket: { ...unasked, kind: 'security' } }),
    ],
    [
      'start: author not trusted',
      'pppppppp',
      (step) => startFacts({ step, ticket: { kind: 'bug', authorTrusted: false, askedByPerson: true } }),
    ],
    ['merge trivial', 'pppaaaaa', (step) => mergeFacts({ step, change: { risk: 'trivial' } })],
    ['merge low', 'ppppppaa', (step) => mergeFacts({ step })],
    ['merge raised', 'pppppppa', (step) => mergeFacts({ step, change: { risk: 'raised' } })],
    ['deploy trivial', 'ppppppaa', (step) => deployFacts({ step, change: { risk: 'trivial' } })],
    ['deploy low', 'ppppppaa', (step) => deployFacts({ step })],
    [
      'deploy raised, undo rehearsed',
      'pppppppa',
      (step) => deployFacts({ step, change: { risk: 'raised' } }),
    ],
    [
      'deploy raised, undo not rehearsed',
      'pppppppp',
      (step) => deployFacts({ step, change: { risk: 'raised' }, undo: undo({ rehearsed: false }) }),
    ],
    [
      'merge protected',
      '22222222',
      (step) => mergeFacts({ step, change: { risk: 'raised', protectedPaths: ['AGENTS.md'] } }),
    ],
    [
      'merge sensitive',
      '22222222',
      (step) => mergeFacts({ step, change: { risk: 'raised', sensitivePaths: ['src/auth/a.ts'] } }),
    ],
    [
      'merge irreversible',
      '22222222',
      (step) =>
        mergeFacts({
          step,
          change: { risk: 'raised', irreversible: [{ path: 'a.sql', line: 1, statement: 'DROP' }] },
        }),
    ],
    [
      'deploy protected',
      '22222222',
      (step) => deployFacts({ step, change: { risk: 'raised', protectedPaths: ['AGENTS.md'] } }),
    ],
    [
      'deploy sensitive',
      '22222222',
      (step) => deployFacts({ step, change: { risk: 'raised', sensitivePaths: ['src/auth/a.ts'] } }),
    ],
    [
      'deploy irreversible',
      '22222222',
      (step) =>
        deployFacts({
          step,
          change: { risk: 'raised', irreversible: [{ path: 'a.sql', line: 1, statement: 'DROP' }] },
        }),
    ],
    [
      'deploy without undo',
      '22222222',
      (step) => deployFacts({ step, undo: undo({ possible: false, rehearsed: false }) }),
    ],
    [
      'deploy again what was flipped twice',
      'pppppppp',
      (step) => deployFacts({ step, flips: 2, change: { risk: 'trivial' } }),
    ],
    ['deploy again what was flipped once', 'ppppppaa', (step) => deployFacts({ step, flips: 1 })],
    ['deploy to a frozen target', 'dddddddd', (step) => deployFacts({ step, frozen: true })],
  ])('%s', (_name, expected, facts) => {
    expect(row(facts)).toBe(expected);
  });

  test('the repository’s own ceiling lowers the step and never raises it', () => {
    expect(evaluate(policy, mergeFacts({ step: 7, ceiling: 5 })).decision).toBe('needs_approval');
    expect(evaluate(policy, mergeFacts({ step: 5, ceiling: 7 })).decision).toBe('needs_approval');
    expect(evaluate(policy, mergeFacts({ step: 6, ceiling: 6 })).decision).toBe('allow');
  });
});
