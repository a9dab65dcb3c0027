import { expect, test } from 'vitest';
import { speaksOfTestSetup, speaksOfTests } from './ticket-words.ts';

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

test.each([
  ['Make the test script print less', true],
  ['Switch from mocha to vitest', true],
  ['The test command should run in UTC', true],
  ['Add a pretest script', true],
  ['Exclude e2e in vitest.config.ts', true],
  ['Change `exclude` in vitest.config.ts', true],
  ['Update the exclude list of vitest.config.ts', true],
  ['Make adding faster by another test script', false],
  ['Make adding faster so that the test script passes', false],
  ['Fails since jest 29 in npm test', false],
  ['Add a test', false],
])('%s speaks of how tests are run: %s', (title, expected) => {
  expect(speaksOfTestSetup({ title, body: '', acceptance: [] })).toBe(expected);
  expect(speaksOfTestSetup({ title: 'x', body: `Some words. ${title}.`, acceptance: [] })).toBe(expected);
});
