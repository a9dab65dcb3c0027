import type { ChangedPath } from '@millwright/domain';

const SKIPPED =
  /\b(it|test|describe|suite|context)\.(skip|only|todo|skipIf|runIf|fails)\b|\b(xit|xdescribe|xtest|fit|fdescribe)\s{0,20}\(|\{\s{0,200}(skip|todo|only)\s{0,20}:|@(pytest\.mark\.(skip|xfail)|unittest\.skip)|\bt\.Skip(f|Now)?\(|\.skip\s{0,20}\(/g;
const ASSERTION = /\b(assert|expect|should|t\.(is|like|deepEqual|equal|same|ok|throws))\b/g;
const CASE = /\b(it|test|describe)(\.each\([^)]{0,2000}\))?\s{0,20}\(|\bdef test_|\bfunc Test[A-Z]/g;

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

/** How a change removes or weakens tests, one sentence each: files gone, cases or assertions fewer than before, more cases skipped. */
export function weakenedTest({ path, status }: ChangedPath, before: string, after: string): string[] {
  if (status === 'deleted') return [`${path} is deleted`];
  const fewer = (pattern: RegExp) => count(before, pattern) - count(after, pattern);
  const said: string[] = [];
  if (fewer(CASE) > 0) said.push(`${path} has ${fewer(CASE)} test case(s) fewer`);
  if (fewer(ASSERTION) > 0) said.push(`${path} has ${fewer(ASSERTION)} assertion(s) fewer`);
  if (fewer(SKIPPED) < 0) said.push(`${path} skips, narrows or expects failures`);
  return said;
}
