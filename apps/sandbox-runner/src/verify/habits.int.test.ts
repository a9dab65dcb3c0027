import { afterAll, beforeAll, expect, test } from 'vitest';
import { HABITS, habitual } from '../testing/habits.ts';
import { FORMS } from '../testing/runners.ts';
import type { Files } from '../testing/snapshots.ts';
import { openVerifying, type Verifying } from './testing/verifying.ts';

// Habits of real suites that are followed less closely, or not by name: by a command of their own, with hooks, with what our canaries would
// break. What a test may look at is tried under each runner (testing/matrix.ts).

let verifying: Verifying;
beforeAll(async () => {
  verifying = await openVerifying('habits');
});
afterAll(() => verifying?.close());

test('a command that names a reporter of its own is followed by name, and sees what it named', async () => {
  const [node] = FORMS;
  if (node?.name !== 'node') throw new TypeError('node is the first of the forms');
  // What looks at its process; what starts others is tried with every runner.
  const base: Files = {
    ...habitual(
      node,
      HABITS.filter(({ name }) => name.startsWith('reads')),
    ),
    'package.json': JSON.stringify({
      ...{ name: 'named', scripts: { test: 'node --test --test-reporter tap "test/*.js"' } },
    }),
  };
  const { report } = await verifying.verify(base, { ...base, 'README.md': 'One line of prose.\n' });
  expect(report).toMatchObject({
    ...{ verdict: 'passed', followed: 'proven', fellBack: null, doubts: [] },
    names: { reported: 6, failing: [], missing: [], failingOnBase: [] },
  });
});

// A runner that nobody knows: it is judged by its exit code, and by whether its tests can fail.
const OWN = (source: string, more: Files = {}): Files => ({
  'package.json': JSON.stringify({ name: 'own', scripts: { test: 'node test/run.js' } }),
  'src/sum.js': source,
  'test/run.js':
    "const fs = require('node:fs'); for (const f of fs.readdirSync(__dirname)) if (f.startsWith('case-')) require('./' + f);\nconsole.log('all good');\n",
  'test/case-adds.js': "if (require('../src/sum.js').add(1, 2) !== 3) throw new Error('adds');\n",
  ...more,
});
const GOOD = 'exports.add = (a, b) => a + b;\n';
const WRONG = 'exports.add = (a, b) => a - b;\n';

test.each<[string, Files, string]>([
  ['a right change', OWN(GOOD, { 'README.md': 'more' }), 'passed'],
  ['a wrong one', OWN(WRONG), 'failed'],
  ['a wrong one that ends well', OWN(`process.exit(0);\n${WRONG}`), 'invalid'],
  ['a wrong one that answers errors', OWN(`process.on('uncaughtException', () => {});\n${WRONG}`), 'invalid'],
  [
    'a wrong one that sets the exit code',
    OWN(`process.on('exit', () => { process.reallyExit(0); });\n${WRONG}`),
    'invalid',
  ],
])('under a runner of its own %s is %s', async (_, next, verdict) => {
  const { report } = await verifying.verify(OWN(GOOD), next);
  expect(report).toMatchObject({ verdict, followed: 'by_exit_code' });
});

test.each<[string, Files, string]>([
  ['mended', OWN(GOOD), 'passed'],
  ['that ends well', OWN(`process.exit(0);\n${WRONG}`), 'invalid'],
  ['with a comment', OWN(`${WRONG}// adds\n`), 'failing_as_on_base'],
])('what fails on the base under a runner of its own, %s', async (_, next, verdict) => {
  const { report } = await verifying.verify(OWN(WRONG), next);
  expect(report).toMatchObject({ verdict, followed: 'by_exit_code' });
});

const PYTHON = (source: string): Files => ({
  'sum.py': source,
  'tests/test_sum.py': 'import sys\nsys.path.insert(0, ".")\nfrom sum import add\nassert add(1, 2) == 3\n',
  'check.sh': 'for one in tests/*.py; do grep -q "^)" $one && exit 1; done; grep -q "a + b" sum.py\n',
});

test.each<[string, string, Files, string]>([
  ['true', 'true', { 'a.js': GOOD }, 'no_tests'],
  ['exit 0', 'exit 0', OWN(GOOD), 'no_tests'],
  ['a linter alone', 'node --check a.js', { 'a.js': GOOD }, 'no_tests'],
  ['tests of another language', 'sh check.sh', PYTHON('def add(a, b): return a + b\n'), 'passed'],
  [
    'those, where nothing starts them',
    'grep -q "a + b" sum.py',
    PYTHON('def add(a, b): return a + b\n'),
    'no_tests',
  ],
])('a command that ends with 0: %s', async (_, command, base, verdict) => {
  const { report } = await verifying.verify(
    base,
    { ...base, 'README.md': 'prose' },
    { config: { test: command } },
  );
  expect(report).toMatchObject({ verdict });
});

test('a suite that hooks its assertions is followed without ours frozen', async () => {
  const base: Files = {
    'package.json': JSON.stringify({ name: 'hooks', scripts: { test: 'node --test' } }),
    'test/a.test.js': `'use strict';\nconst assert = require('node:assert');\nconst test = require('node:test');\nconst was = assert.equal; assert.equal = (...all) => was(...all);\ntest('one', () => assert.equal(1, 1));\n`,
  };
  const { report } = await verifying.verify(base, { ...base, 'README.md': 'prose' });
  expect(report).toMatchObject({ verdict: 'passed', followed: 'proven', fellBack: null });
});

test('a suite that counts its own lines is followed by its names alone', async () => {
  const base: Files = {
    'package.json': JSON.stringify({ name: 'counts', scripts: { test: 'node --test' } }),
    'test/a.test.js': `const fs = require('node:fs');\nrequire('node:test')('is short', () => { if (fs.readFileSync(__filename, 'utf8').length > 200) throw new Error('long'); });\n`,
  };
  const { report } = await verifying.verify(base, { ...base, 'README.md': 'prose' });
  expect(report).toMatchObject({ verdict: 'passed', followed: 'by_name' });
  expect(report.doubts.map(({ code }) => code)).toEqual(['harness-fell-back']);
});

test('a suite that fails when it is followed is judged plainly, and the report says so', async () => {
  const base: Files = {
    'package.json': JSON.stringify({ name: 'path', scripts: { test: 'node --test' } }),
    'test/a.test.js': `require('node:test')('finds the system first', () => { if (process.env.PATH.startsWith('/tmp/')) throw new Error(process.env.PATH); });\n`,
  };
  const { report } = await verifying.verify(base, { ...base, 'README.md': 'prose' });
  expect(report).toMatchObject({ verdict: 'passed', followed: 'by_exit_code' });
  expect(report.fellBack).toMatch(/plainly with 0/);
  expect(report.doubts.map(({ code }) => code)).toEqual(['harness-fell-back']);
});
