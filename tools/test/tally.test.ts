import { describe, expect, it } from 'vitest';
import { add, lastLine, NOTHING, tallyVitest } from './tally.ts';

const report = (
  ...files: readonly { readonly status: string; readonly tests: readonly string[] }[]
): string =>
  JSON.stringify({
    testResults: files.map(({ status, tests }) => ({
      status,
      assertionResults: tests.map((state) => ({ status: state })),
    })),
  });

describe('tallyVitest', () => {
  it.each([
    ['all pass', report({ status: 'passed', tests: ['passed', 'passed'] }), 0, { passed: 2, failed: 0 }],
    ['one fails', report({ status: 'failed', tests: ['passed', 'failed'] }), 1, { passed: 1, failed: 1 }],
    ['a file does not load', report({ status: 'failed', tests: [] }), 1, { passed: 0, failed: 1 }],
    ['an unhandled rejection', report({ status: 'passed', tests: ['passed'] }), 1, { passed: 1, failed: 1 }],
    ['no report', null, 1, { passed: 0, failed: 1 }],
    ['killed while writing', '{"testResults": [', null, { passed: 0, failed: 1 }],
    ['no tests', report(), 0, { passed: 0, failed: 0 }],
    ['a report of another shape', '[]', 0, { passed: 0, failed: 0 }],
  ])('%s', (_name, text, code, expected) => {
    expect(tallyVitest(text, code)).toEqual(expected);
  });
});

describe('lastLine', () => {
  it('is the sum', () => {
    const sum = [
      { passed: 2, failed: 1 },
      { passed: 3, failed: 0 },
    ].reduce(add, NOTHING);
    expect(lastLine(sum)).toBe('5 passed, 1 failed');
  });
});
