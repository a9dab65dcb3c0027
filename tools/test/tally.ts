/** How many checks of a step passed and failed. */
export type Tally = { readonly passed: number; readonly failed: number };

export const NOTHING: Tally = { passed: 0, failed: 0 };

export function add(a: Tally, b: Tally): Tally {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed };
}

/**
 * Counts a vitest JSON report. A file that failed without a failing test (it does not load, a hook throws) counts as
 * one failure, and so does a run that ended badly although each of its tests passed (an unhandled rejection) or
 * that left no report: a failing step never tallies to none failed.
 * @param report the file's text, or null where vitest wrote none
 * @param exitCode of vitest; null where a signal ended it
 */
export function tallyVitest(report: string | null, exitCode: number | null): Tally {
  let passed = 0;
  let failed = 0;
  for (const file of filesOf(report)) {
    const states = listOf(field(file, 'assertionResults')).map((test) => field(test, 'status'));
    const bad = states.filter((state) => state === 'failed').length;
    passed += states.filter((state) => state === 'passed').length;
    failed += bad === 0 && field(file, 'status') === 'failed' ? 1 : bad;
  }
  return { passed, failed: exitCode !== 0 && failed === 0 ? 1 : failed };
}

/** A file that failed, with a line for each test that did: its name and the first line of why. */
export type Failure = { readonly file: string; readonly lines: readonly string[] };

/** The failures of a vitest JSON report, as `tallyVitest` counts them. */
export function failuresOf(report: string | null): readonly Failure[] {
  return filesOf(report)
    .filter((file) => field(file, 'status') === 'failed')
    .map((file) => {
      const tests = listOf(field(file, 'assertionResults')).filter(
        (test) => field(test, 'status') === 'failed',
      );
      const lines = tests.map(
        (test) => `${field(test, 'fullName')}: ${firstLine(listOf(field(test, 'failureMessages'))[0])}`,
      );
      return {
        file: String(field(file, 'name')),
        lines: lines.length > 0 ? lines : [firstLine(field(file, 'message'))],
      };
    });
}

const firstLine = (text: unknown): string =>
  String(text ?? '')
    .split('\n')[0]
    ?.slice(0, 200) ?? '';

function filesOf(report: string | null): readonly unknown[] {
  if (report === null) return [];
  try {
    return listOf(field(JSON.parse(report), 'testResults'));
  } catch (error) {
    if (error instanceof SyntaxError) return []; // cut off by a kill; the exit code tells
    throw error;
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The last line of `npm test`; scripts read it. */
export function lastLine(tally: Tally): string {
  return `${tally.passed} passed, ${tally.failed} failed`;
}
