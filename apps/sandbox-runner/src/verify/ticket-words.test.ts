import { expect, test } from 'vitest';
import { speaksOfTests } from './ticket-words.ts';

test.each([
  ['Update the tests of add', true],
  ['Remove the flaky test', true],
  ['The tests of adding change with it', true],
  ['Old snapshots may be replaced', true],
  ['Make adding faster by a deleted test file', false],
  ['Make adding faster by renamed tests', false],
  ['Make adding faster by skipped tests', false],
  ['Fix what the failing test shows', false],
  ['Change add so that all tests pass', false],
  ['Add tests for negative numbers', false],
])('%s: %s', (title, expected) => {
  expect(speaksOfTests({ title, body: '', acceptance: [] })).toBe(expected);
  expect(speaksOfTests({ title: 'x', body: `Some words. ${title}.`, acceptance: [] })).toBe(expected);
});
