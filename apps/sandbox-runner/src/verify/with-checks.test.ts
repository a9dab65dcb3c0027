import { type AcceptanceResult, GitSha, testReport, type Verdict } from '@millwright/domain';
import { expect, test } from 'vitest';
import { withChecks } from './with-checks.ts';

const ended = (exitCode: number) => ({
  ...{ command: 'c', exitCode, timedOut: false, droppedBytes: 0, ms: 1, output: '' },
});
const check = (before: number, after: number, more: Partial<AcceptanceResult> = {}): AcceptanceResult => ({
  ...{ acceptance: 'A', kind: 'change', result: ended(after), before: ended(before), ...more },
});
const suite = (verdict: Verdict, acceptance: AcceptanceResult[], turned: string[] = []) => {
  const said = testReport({ tree: GitSha.parse('a'.repeat(40)), verdict, reason: 'Ran.', acceptance });
  return { ...said, names: { ...said.names, turned } };
};
const GUARD = { kind: 'guard' } as const;

test.each<[string, AcceptanceResult, Verdict, string | null]>([
  ['a check that the change meets', check(1, 0), 'passed', null],
  ['a check that holds on the base', check(0, 0), 'failed', 'holds on the base already'],
  ['a check that only the tree answers', check(1, 0, { byTree: true }), 'failed', 'nobody can tell'],
  ['a check that holds on neither', check(1, 1), 'failed', null],
  ['a check that held before it', check(0, 1), 'failed', null],
  ['a guard that holds on both', check(0, 0, GUARD), 'failed', null],
  ['a guard that holds on neither', check(1, 1, GUARD), 'failed', 'does not hold on the base'],
  ['a guard that the change breaks', check(0, 1, GUARD), 'failed', null],
  ['a guard that the change alone meets', check(1, 0, GUARD), 'failed', 'does not hold on the base'],
])('a bug that no test shows, with %s', (_, one, verdict, why) => {
  const report = withChecks(suite('passed', [one]), { bug: true });
  expect(report.verdict).toBe(verdict);
  expect(report.doubts.map(({ code }) => code)).toEqual(why === null ? [] : ['check-does-not-count']);
  expect(report.reason.includes('does not count')).toBe(why !== null);
  if (why !== null) expect(report.reason).toContain(why);
});

test('what is no bug, or has a test that turns, needs no check that does', () => {
  expect(withChecks(suite('passed', []), { bug: false }).verdict).toBe('passed');
  expect(withChecks(suite('passed', [], ['adds']), { bug: true }).verdict).toBe('passed');
  expect(withChecks(suite('passed', []), { bug: true }).reason).toContain('no test turns');
});

test('a check that is not met fails what passes, and is said beside what fails already', () => {
  expect(withChecks(suite('passed', [check(1, 0), check(1, 1)]), { bug: false })).toMatchObject({
    ...{ verdict: 'failed', reason: '1 of 2 acceptance checks failed: "A".' },
  });
  expect(withChecks(suite('invalid', [check(1, 1)]), { bug: false })).toMatchObject({
    ...{ verdict: 'invalid', reason: 'Ran. 1 of 1 acceptance checks failed: "A".' },
  });
});
