import type { ChangedPath } from '@millwright/domain';
import { linesOf, type PatchFile } from './patch.ts';
import { isTest } from './paths.ts';

const SKIPPED =
  /\b(it|test|describe|suite|context)\.(skip|only|todo|skipIf|runIf|fails)\b|\b(xit|xdescribe|xtest|fit|fdescribe)\s*\(|\{\s*(skip|todo|only)\s*:|@(pytest\.mark\.(skip|xfail)|unittest\.skip)|\bt\.Skip(f|Now)?\(|\.skip\s*\(/;
const ASSERTION = /\b(assert|expect|should|t\.(is|like|deepEqual|equal|same|ok|throws))\b/;
const CASE = /\b(it|test|describe)(\.each\([^)]*\))?\s*\(|\bdef test_|\bfunc Test[A-Z]/;

const count = (file: PatchFile, kind: 'added' | 'removed', pattern: RegExp): number =>
  linesOf(file, kind).filter((line) => pattern.test(line.text)).length;

/** How a change removes or weakens tests, one sentence each: files gone, cases or assertions fewer than before, cases skipped. */
export function weakenedTests(paths: readonly ChangedPath[], files: readonly PatchFile[]): string[] {
  const gone = paths
    .filter((path) => isTest(path.path) && path.status === 'deleted')
    .map((path) => `${path.path} is deleted`);
  const fewer = files
    .filter((file) => isTest(file.path) && !paths.some((p) => p.path === file.path && p.status === 'deleted'))
    .flatMap((file) => {
      const said: string[] = [];
      const cases = count(file, 'removed', CASE) - count(file, 'added', CASE);
      const assertions = count(file, 'removed', ASSERTION) - count(file, 'added', ASSERTION);
      if (cases > 0) said.push(`${file.path} has ${cases} test case(s) fewer`);
      if (assertions > 0) said.push(`${file.path} has ${assertions} assertion(s) fewer`);
      if (count(file, 'added', SKIPPED) > 0) said.push(`${file.path} skips, narrows or expects failures`);
      return said;
    });
  return [...gone, ...fewer];
}
