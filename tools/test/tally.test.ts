import { describe, expect, it } from 'vitest';
import { add, failuresOf, lastLine, NOTHING, tallyVitest } from './tally.ts';

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

describe('failuresOf', () => {
  it('names each failed file, and why', () => {
    const file = (name: string, status: string, message: string, ...assertionResults: unknown[]) => ({
      ...{ name, status, message, assertionResults },
    });
    const text = JSON.stringify({
      testResults: [
        file('/a', 'passed', '', { status: 'passed', fullName: 'good' }),
        file(
          '/b',
          'failed',
          '',
          { status: 'passed', fullName: 'good' },
          { status: 'failed', fullName: 'bad one', failureMessages: ['Error: no\n    at x'] },
        ),
        file('/c', 'failed', 'does not load'),
      ],
    });
    expect(failuresOf(text)).toEqual([
      { file: '/b', lines: ['bad one: Error: no'] },
      { file: '/c', lines: ['does not load'] },
    ]);
    expect(failuresOf(null)).toEqual([]);
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
