import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Files } from '../testing/snapshots.ts';
import { openVerifying, type Verifying } from './testing/verifying.ts';

// Habits of real suites: what an honest test may look at must be what it sees without us. Each passes plainly on its base, so it must be
// followed by name to a pass, and not by a plainer way.

let verifying: Verifying;
beforeAll(async () => {
  verifying = await openVerifying('habits');
});
afterAll(() => verifying?.close());

type Habit = { name: string; body: string };
const RUN = "require('node:child_process').execFileSync";
/** `${RUN}` and `ok(value)` are what each runner gives them. */
const HABITS: Habit[] = [
  {
    name: 'reads its arguments',
    body: 'ok(!process.argv.slice(2).some((a) => /report|millwright|tmp/i.test(a)))',
  },
  {
    name: 'reads what node was started with',
    body: 'ok(!process.execArgv.some((a) => /^--test-reporter|\\/tmp\\//.test(a)))',
  },
  {
    name: 'reads its environment',
    body: 'ok(!Object.keys(process.env).some((k) => /^MILLWRIGHT|^NODE_OPTIONS$|^CI$|^NO_COLOR$|^FORCE_COLOR$/.test(k)))',
  },
  {
    name: 'starts node by name',
    body: `ok(${RUN}('node', ['-p', 'JSON.stringify([process.execArgv, process.argv0])'], { encoding: 'utf8' }).trim() === '[["-p","JSON.stringify([process.execArgv, process.argv0])"],"node"]')`,
  },
  {
    name: 'starts itself',
    body: `ok(${RUN}(process.execPath, ['-p', 'process.execArgv.length'], { encoding: 'utf8' }).trim() === '2')`,
  },
  {
    name: 'gives a child its whole environment',
    body: `ok(${RUN}('node', ['-p', 'Object.keys(process.env).length'], { encoding: 'utf8', env: process.env }).trim() === String(Object.keys(process.env).length))`,
  },
  {
    name: 'counts globals',
    body: 'ok(Object.getOwnPropertyNames(globalThis).filter((k) => /millwright|^t_|^e_|^q\\d/i.test(k)).length === 0)',
  },
  {
    name: 'has assertions of node’s as they are',
    body: "const assert = require('node:assert'); let thrown = false; try { assert.equal(1, 2); } catch { thrown = true; } ok(thrown)",
  },
  {
    name: 'sets a time zone',
    body: `ok(${RUN}('node', ['-p', 'new Date(0).getHours()'], { encoding: 'utf8', env: { ...process.env, TZ: 'Asia/Tokyo' } }).trim() === '9')`,
  },
  {
    name: 'starts a test runner of its own',
    body: `const env = { ...process.env }; delete env.NODE_TEST_CONTEXT; ok(/pass 1/.test(${RUN}('node', ['--test', 'fixture/inner.js'], { encoding: 'utf8', env })))`,
  },
];

type Style = {
  name: string;
  script: string;
  dev: Record<string, string>;
  head: string;
  define: (name: string, body: string) => string;
};
const STYLES: Style[] = [
  {
    ...{ name: 'node', script: 'node --test', dev: {} },
    head: "const test = require('node:test');\nconst ok = require('node:assert').ok;\n",
    define: (name, body) => `test('${name}', () => { ${body}; });\n`,
  },
  {
    ...{
      name: 'node with a reporter of its own',
      script: 'node --test --test-reporter tap "test/*.js"',
      dev: {},
    },
    head: "const test = require('node:test');\nconst ok = require('node:assert').ok;\n",
    define: (name, body) => `test('${name}', () => { ${body}; });\n`,
  },
  {
    ...{ name: 'mocha', script: 'mocha test/*.js', dev: { mocha: '11.7.5' } },
    head: "const ok = require('node:assert').ok;\n",
    define: (name, body) => `it('${name}', () => { ${body}; });\n`,
  },
  {
    ...{ name: 'jest', script: 'jest', dev: { jest: '30.2.0' } },
    head: 'const ok = (value) => expect(value).toBe(true);\n',
    define: (name, body) => `test('${name}', () => { ${body}; });\n`,
  },
  {
    ...{ name: 'vitest', script: 'vitest run', dev: { vitest: '4.0.15' } },
    head: "import { createRequire } from 'node:module';\nimport { expect, test } from 'vitest';\nconst require = createRequire(import.meta.url);\nconst ok = (value) => expect(value).toBe(true);\n",
    define: (name, body) => `test('${name}', () => { ${body}; });\n`,
  },
];

const suiteOf = ({ script, dev, head, define }: Style): Files => ({
  'package.json': JSON.stringify({
    name: 'habits',
    scripts: { test: script },
    devDependencies: dev,
    ...(dev.jest ? { jest: { testMatch: ['**/test/*.js'] } } : {}),
  }),
  ...(dev.vitest ? { 'vitest.config.js': "export default { test: { include: ['test/*.js'] } };" } : {}),
  'src/a.js': 'exports.a = 1;\n',
  'fixture/inner.js': "require('node:test')('inner', () => {});\n",
  'test/habits.js': head + HABITS.map(({ name, body }) => define(name, body)).join(''),
});

describe('a suite that looks at what runs it', () => {
  test.each(STYLES)('passes and is followed by name: $name', async (style) => {
    const base = suiteOf(style);
    const { report } = await verifying.verify(
      base,
      { ...base, 'README.md': 'One line of prose.\n' },
      {
        config: { install: 'npm install --no-audit --no-fund --no-package-lock' },
      },
    );
    expect(report.names.failingOnBase).toEqual([]);
    expect(report.failures).toEqual([]);
    expect(report).toMatchObject({
      ...{ verdict: 'passed', followed: 'proven', fellBack: null, doubts: [] },
      names: { reported: HABITS.length, failing: [], missing: [] },
    });
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
