import { expect, test } from 'vitest';
import { loadPolicy } from '../load.ts';
import { readCases, runCase } from './cases.ts';

const loaded = loadPolicy({
  repository:
    '@id("ask") forbid (principal, action == Action::"deploy", resource) when { context.approvals < 1 };',
});
if (loaded.kind === 'refused') throw new Error(loaded.problems.join('\n'));
const { policy } = loaded;

const run = (text: string) => {
  const { cases, problems } = readCases(text);
  expect(problems).toEqual([]);
  return cases.map((one) => runCase(policy, one));
};

test('a case says what differs from an ordinary day, and what is decided then', () => {
  const outcomes = run(`
- { name: an ordinary merge, action: merge, expect: allow, because: merge-low }
- { name: a deploy asks, action: deploy, expect: one person, because: [ask, deploy-low] }
- { name: and goes, action: deploy, facts: { approvals: 1 }, expect: allow }
- name: two for what cannot be taken back
  action: merge
  facts: { change: { irreversible: 1, reasons: [irreversible] } }
  expect: two people
- { name: wrong, action: start, expect: deny }
- { name: by another, action: merge, expect: allow, because: ask }
`);
  expect(outcomes.map(({ passed, case: { line } }) => [passed, line])).toEqual([
    [true, 2],
    [true, 3],
    [true, 4],
    [true, 5],
    [false, 9],
    [false, 10],
  ]);
  expect(outcomes[4]?.got).toEqual({ decision: 'allow', policies: ['start-asked'], error: null });
});

test('what cannot be evaluated fails, whatever is expected', () => {
  const sum = loadPolicy({
    unit: '@id("sum") forbid (principal, action, resource) when { context.approvals + 9223372036854775807 < 0 };',
  });
  if (sum.kind === 'refused') throw new Error(sum.problems.join('\n'));
  const { cases } = readCases('- { name: a, action: start, facts: { approvals: 1 }, expect: deny }');
  expect(cases.map((one) => runCase(sum.policy, one))).toMatchObject([
    { passed: false, got: { decision: 'deny', error: expect.stringContaining('sum') } },
  ]);
});

test.each<[string, string, string]>([
  ['no list', 'name: a', '1:1 this is no list of cases: each begins with "- name:"'],
  ['no YAML', '- name: "a', '1:'],
  ['a case that is text', '- a', '1:3 a case has name, action and expect'],
  ['no name', '- { action: merge, expect: deny }', '1:3 a case has a name'],
  ['no action', '- { name: a, expect: deny }', '1:3 action is start, merge or deploy'],
  ['another action', '- { name: a, action: ship, expect: deny }', '1:22 action is start, merge or deploy'],
  [
    'another expectation',
    '- name: a\n  action: merge\n  expect: maybe',
    '3:11 expect is allow, deny, one person or two people',
  ],
  [
    'a word too many',
    '- { name: a, action: merge, expect: deny, becuase: b }',
    '1:43 a case has no "becuase"; did you mean because?',
  ],
  [
    'a fact that there is not',
    '- name: a\n  action: merge\n  expect: deny\n  facts:\n    change: { rsik: low }',
    '5:15 change has no "rsik"; did you mean risk?',
  ],
  [
    'a fact of another action',
    '- { name: a, action: merge, expect: deny, facts: { frozen: true } }',
    'merge has no "frozen"',
  ],
  [
    'a fact of another type',
    '- { name: a, action: merge, expect: deny, facts: { step: six } }',
    '1:58 step is a whole number',
  ],
  [
    'half a number',
    '- { name: a, action: merge, expect: deny, facts: { step: 6.5 } }',
    'step is a whole number',
  ],
  [
    'facts that are none',
    '- { name: a, action: merge, expect: deny, facts: 7 }',
    'facts has names and values',
  ],
  ['too much', `- name: ${'a'.repeat(262_144)}`, '1:1 longer than 262144 characters'],
  ['too many', '- { name: a, action: merge, expect: deny }\n'.repeat(1_001), '1:1 more than 1000 cases'],
])('%s is told with its line and column', (_, text, said) => {
  const { cases, problems } = readCases(text);
  expect(cases).toEqual([]);
  expect(problems.map(({ line, column, text: what }) => `${line}:${column} ${what}`).join('\n')).toContain(
    said,
  );
});
