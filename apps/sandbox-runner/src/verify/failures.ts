import type { TestReport } from '@millwright/domain';
import type { Outcome } from './report.ts';

// What failed, as a person or the next implementer wants to read it: by cause, without what passed, and bounded.

const GROUPS = 50;
const SHOWN = 20;
/** A line by which runners say that a test passed. */
const PASSING = /^\s*(?:[✓✔√]|\u2713|ok \d+\b|PASS\b|▶ .*\(\d)/;
const KEPT = 16_384;

/** What differs from one run to the next in what is said of one cause. */
const cause = (message: string): string =>
  message
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^at /.test(line))
    .slice(0, 12)
    .join('\n')
    .slice(0, 4_000);
const sameness = (text: string): string =>
  text.replaceAll(/0x[\da-f]+|\d+(\.\d+)?/gi, '#').replaceAll(/\/tmp\/\S+/g, '/tmp/#');

export function groupFailures(failing: readonly Outcome[]): TestReport['failures'] {
  const groups = new Map<string, { cause: string; tests: string[]; count: number }>();
  for (const { message, name, file } of failing) {
    const said = cause(message) || 'It said nothing of why.';
    const key = sameness(said);
    const group = groups.get(key) ?? { cause: said, tests: [], count: 0 };
    const shown = file === '' ? name : `${file}: ${name}`;
    if (!group.tests.includes(shown)) {
      group.count += 1;
      if (group.tests.length < SHOWN) group.tests.push(shown);
    }
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => b.count - a.count).slice(0, GROUPS);
}

/** A run's output without the lines of tests that passed; its end where it is long. */
export function withoutPassing(output: string): string {
  const lines = output.split('\n').filter((line) => !PASSING.test(line));
  const text = lines.join('\n').replaceAll(/\n{3,}/g, '\n\n');
  return text.length <= KEPT ? text : text.slice(-KEPT);
}
