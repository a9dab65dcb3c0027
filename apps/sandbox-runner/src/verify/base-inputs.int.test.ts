import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Files } from '../testing/snapshots.ts';
import { openVerifying, type Verifying } from './testing/verifying.ts';

// What the base's command and configuration load is the base's, whatever the candidate puts there.

let verifying: Verifying;
beforeAll(async () => {
  verifying = await openVerifying('inputs');
});
afterAll(() => verifying?.close());

const GOOD = 'exports.add = (a, b) => a + b;\n';
const WRONG = 'exports.add = (a, b) => a - b;\n';
const TEST = `const test = require('node:test');\nconst assert = require('node:assert');\nconst { add } = require('../src/sum.js');
test('adds', () => assert.equal(add(1, 2), 3));\n`;
const COPY = "require('node:fs').copyFileSync('good.js', 'src/sum.js');\n";
// Takes whatever lies beside a report, as the harness's own file would, and ends.
const STEAL = `const fs = require('node:fs'); const crypto = require('node:crypto');
for (const folder of fs.readdirSync('/tmp')) { const at = '/tmp/' + folder + '/key-0'; if (!fs.existsSync(at)) continue;
  const key = fs.readFileSync(at); fs.unlinkSync(at); let n = 0;
  for (const record of [{ t: 'start', runner: 'node' }, { t: 'test', name: 'adds', file: 'test/add.test.js', state: 'pass', message: '' }, { t: 'end' }]) {
    const line = JSON.stringify([n++, record]);
    fs.appendFileSync('/tmp/' + folder + '/report-0', crypto.createHmac('sha256', key).update(line).digest('hex') + ' ' + line + '\\n'); }
  process.exit(0); }\n`;

const base = (script: string, more: Files): Files => ({
  'package.json': JSON.stringify({ name: 'sum', scripts: { test: script, unit: 'sh ./run.sh' } }),
  'src/sum.js': GOOD,
  'test/add.test.js': TEST,
  ...more,
});

type Change = [what: string, script: string, base: Files, change: Files];
const CHANGES: Change[] = [
  [
    'a shell script',
    'sh scripts/test.sh',
    { 'scripts/test.sh': 'node --test\n' },
    { 'scripts/test.sh': 'exit 0\n' },
  ],
  [
    'a shell script that swaps',
    'sh scripts/test.sh',
    { 'scripts/test.sh': 'node --test\n' },
    { 'scripts/test.sh': 'cp good.js src/sum.js; node --test\n' },
  ],
  [
    'an executable',
    './check.sh',
    { 'check.sh': { text: '#!/bin/sh\nexec node --test\n', mode: 0o755 } },
    { 'check.sh': { text: '#!/bin/sh\nexit 0\n', mode: 0o755 } },
  ],
  ['what is preloaded', 'node --require ./setup.js --test', { 'setup.js': '' }, { 'setup.js': COPY }],
  [
    'what is preloaded and forges the report',
    'node --require ./setup.js --test',
    { 'setup.js': '' },
    { 'setup.js': STEAL },
  ],
  [
    'what is preloaded from among the tests',
    'node --import ./test/hooks.mjs --test',
    { 'test/hooks.mjs': '' },
    {
      'test/hooks.mjs': `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url); ${COPY}`,
    },
  ],
  [
    'a script that another script starts',
    'npm run unit',
    { 'run.sh': 'node --test\n' },
    { 'run.sh': 'cp good.js src/sum.js; node --test\n' },
  ],
  [
    'what a script loads',
    'node tools/run.js',
    {
      'tools/run.js': "require('./lib/start');\n",
      'tools/lib/start.js':
        "process.exitCode = require('node:child_process').spawnSync('node', ['--test'], { stdio: 'inherit' }).status;\n",
    },
    { 'tools/lib/start.js': '' },
  ],
  [
    'variables that the base may have, and has not',
    'node --env-file-if-exists=local.env --test',
    {},
    { 'local.env': 'NODE_OPTIONS="--require=./swap.cjs"\n', 'swap.cjs': COPY },
  ],
  [
    'a script that the base may have, and has not',
    'sh scripts/test.sh',
    { 'scripts/test.sh': 'if [ -f scripts/local.sh ]; then . scripts/local.sh; fi; node --test\n' },
    { 'scripts/local.sh': 'cp good.js src/sum.js\n' },
  ],
  [
    'a name that is an option',
    'node --test *.test.js',
    { 'add.test.js': TEST.replace('../src', './src') },
    {
      '--env-file=x.test.js': '',
      'x.test.js': 'NODE_OPTIONS="--require=./swap.cjs"\n',
      'swap.cjs': COPY,
    },
  ],
  [
    'a script made a link',
    'sh scripts/test.sh',
    { 'scripts/test.sh': 'node --test\n' },
    { 'scripts/test.sh': { link: '../other.sh' }, 'other.sh': 'exit 0\n' },
  ],
  [
    'a folder of scripts made a link',
    'sh scripts/test.sh',
    { 'scripts/test.sh': 'node --test\n' },
    { scripts: { link: 'other' }, 'other/test.sh': 'exit 0\n' },
  ],
];
/** Each of a kind with another one; and what a script, or another of the manifest, loads is told by `configuration.test.ts`. */
const LONG = [
  ...['what is preloaded from among the tests', 'what a script loads'],
  ...['a shell script that swaps', 'an executable', 'what is preloaded and forges the report'],
  ...[
    'variables that the base may have, and has not',
    'a name that is an option',
    'a folder of scripts made a link',
  ],
];
const NAME = 'a change of %s does not decide';
test.each(CHANGES.filter(([what]) => !LONG.includes(what)))(NAME, decidesNothing);
test.each(CHANGES.filter(([what]) => LONG.includes(what)))(NAME, { tags: ['long'] }, decidesNothing);

async function decidesNothing(...[, script, files, change]: Change): Promise<void> {
  const before = base(script, files);
  const next: Files = { ...before, ...change, 'src/sum.js': WRONG, 'good.js': GOOD };
  if ('scripts' in change) delete next['scripts/test.sh'];
  const { report } = await verifying.verify(before, next);
  expect(['failed', 'invalid']).toContain(report.verdict);
}

test('what was taken from the base, and what could not be, is named', async () => {
  const before = base('sh scripts/test.sh && node src/self.js', {
    'scripts/test.sh': 'node --test\n',
    'src/self.js': '',
  });
  const { report } = await verifying.verify(before, {
    ...before,
    'scripts/test.sh': 'node --test --test-force-exit\n',
    'src/self.js': '1;\n',
  });
  expect(report.verdict).toBe('passed');
  expect(
    report.doubts
      .filter(({ code }) => code === 'runner-input')
      .map(({ path, text }) => `${path} ${text.includes("the tests ran with the base's")}`)
      .sort(),
  ).toEqual(['scripts/test.sh true', 'src/self.js false']);
});

test('a source that may be found in place of another is named', async () => {
  const before = base('node --test', {
    'src/sum/index.js': GOOD,
    'test/add.test.js': TEST.replace('sum.js', 'sum'),
  });
  delete before['src/sum.js'];
  const { report } = await verifying.verify(before, {
    ...before,
    'src/sum/index.js': WRONG,
    'src/sum.js': GOOD,
  });
  expect(report.doubts.filter(({ code }) => code === 'stands-before').map(({ path }) => path)).toEqual([
    'src/sum.js',
  ]);
});

test('which file is found by which name is named where a change says otherwise', async () => {
  const before = base('node --test', { 'test/add.test.js': TEST.replace('../src/sum.js', '#sum') });
  const found = (imports: unknown) =>
    JSON.stringify({ ...JSON.parse(String(before['package.json'])), imports });
  const { report } = await verifying.verify(
    { ...before, 'package.json': found({ '#sum': './src/sum.js' }) },
    {
      ...before,
      'package.json': found({ '#sum': './src/good.js' }),
      'src/sum.js': WRONG,
      'src/good.js': GOOD,
    },
  );
  expect(report.doubts).toContainEqual(
    expect.objectContaining({ code: 'entries-changed', path: 'package.json' }),
  );
});
