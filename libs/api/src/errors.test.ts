import { expect, it } from 'vitest';
import { ERRORS, type ErrorCode, Problem, problemOf } from './errors.ts';

const codes = Object.keys(ERRORS) as ErrorCode[];

it('every code makes a problem that fits its schema, with a status and an exit code that agree', () => {
  for (const code of codes) {
    const problem = Problem.parse(JSON.parse(JSON.stringify(problemOf(code, 'so'))));
    expect(problem).toMatchObject({ code, detail: 'so', type: `urn:millwright:problem:${code}` });
    expect(problem.status, code).toBeGreaterThanOrEqual(400);
    // Who may not is told from who asked wrongly, and from a factory that failed.
    if (problem.status === 401 || problem.status === 403) expect(problem.exitCode, code).toBe(4);
    if (problem.exitCode === 2) expect([400, 404, 413, 422], code).toContain(problem.status);
    if (problem.exitCode === 7) expect(problem.status, code).toBe(500);
  }
});

it("what a problem says of its own comes before what its code says; an unlisted code is told as a listed one's kind", () => {
  expect(problemOf('not-frozen', 'so').acts).toEqual([{ act: 'show-targets' }]);
  expect(problemOf('not-frozen', 'so', { acts: [] }).acts).toEqual([]);
  expect(problemOf('unavailable', 'so', { kept: 'all' }, 'gives-way')).toMatchObject({
    ...{ code: 'gives-way', status: 503, kept: 'all', type: 'urn:millwright:problem:gives-way' },
  });
});
