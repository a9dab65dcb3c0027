import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSandboxes, type Sandboxes } from '@millwright/sandbox';
import { javascript } from '@millwright/toolchains';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newIncarnation } from '../incarnation.ts';
import { bundleOf } from '../testing/snapshots.ts';
import { runAcceptance } from './acceptance.ts';
import { NOTHING } from './harness-plan.ts';
import type { Prepared } from './run-suite.ts';

let data: string;
let sandboxes: Sandboxes;
let subject: Prepared;

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'millwright-acceptance-'));
  sandboxes = await openSandboxes({
    ...{ data, factory: `test-${process.pid}`, incarnation: await newIncarnation() },
    image: process.env.MILLWRIGHT_SANDBOX_IMAGE ?? 'millwright/sandbox:latest',
  });
  const { bundle, trees } = bundleOf({
    'good.js': 'module.exports = 4;\n',
    'leaves.js': 'process.exit(0);\n',
    'leaves.mjs': 'process.reallyExit(0);\n',
    'later.js': 'exports.four = () => { process.exit(0); };\n',
    'destroys.js': `const fs = require('node:fs');
for (const folder of fs.readdirSync('/tmp')) if (/^[0-9a-f]{18}$/.test(folder)) for (const file of fs.readdirSync('/tmp/' + folder))
  if (file.startsWith('report-')) fs.rmSync('/tmp/' + folder + '/' + file);
process.exit(0);\n`,
    'cli.js': "console.log('usage'); process.exit(0);\n",
    'package.json': JSON.stringify({ scripts: { check: 'node cli.js', test: 'node cli.js' } }),
    'check.sh': 'node cli.js\n',
    'bad.sh': 'exit 3\n',
    'answers.js':
      "process.on('uncaughtException', () => {}); process.on('unhandledRejection', () => {}); exports.four = 5;\n",
    'resets.js':
      "process.on('exit', () => { process.exitCode = 0; process.reallyExit(0); }); exports.four = 5;\n",
    'timer.js': 'setTimeout(() => process.exit(0), 50); exports.four = 5;\n',
    'worker.js':
      "new (require('node:worker_threads').Worker)('setTimeout(() => process.kill(process.pid, 15), 20)', { eval: true }); process.on('SIGTERM', () => process.exit(0)); exports.four = 5;\n",
  });
  const [tree] = trees;
  const out = tree === undefined ? null : await sandboxes.checkout(bundle, tree);
  if (out?.kind !== 'checkout') throw new Error(out?.reason);
  subject = { checkout: out.checkout, layer: null, root: '/workspace' };
});
afterAll(async () => {
  await sandboxes?.close();
  rmSync(data, { recursive: true, force: true });
});

async function tarOf(files: Record<string, string>): Promise<Uint8Array> {
  const tar = pack();
  for (const [name, text] of Object.entries(files)) tar.entry({ name }, text);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** By the check: what it ended with, or that nothing but a program of the tree says that it ended well. */
async function ends(checks: Record<string, string>): Promise<Record<string, number | null | 'tree'>> {
  const files = await tarOf(
    Object.fromEntries(
      Object.entries(checks)
        .filter(([name]) => name.includes('.'))
        .map(([name, text]) => [`.millwright-checks/${name}`, text]),
    ),
  );
  const results = await runAcceptance({ sandboxes, run: 'run_x', attempt: 'att_x' }, subject, {
    ...{ toolchain: javascript, plan: NOTHING, files, timeoutMs: 60_000 },
    checks: Object.entries(checks).map(([name, text]) => ({
      acceptance: name,
      command: !name.includes('.')
        ? text
        : name.endsWith('.sh')
          ? `sh .millwright-checks/${name}`
          : `node ${name.includes('test') ? '--test ' : ''}.millwright-checks/${name}`,
    })),
  });
  return Object.fromEntries(
    results.map(({ acceptance, result, byTree }) => [
      acceptance,
      byTree === true && result.exitCode === 0 ? 'tree' : result.exitCode,
    ]),
  );
}

test('a check holds when it ends with 0, and only by itself', async () => {
  expect(
    await ends({
      'good.cjs': "require('node:assert').equal(require('../good.js'), 4);",
      'wrong.cjs': "require('node:assert').equal(require('../good.js'), 5);",
      'own-exit.cjs': "if (require('../good.js') === 4) process.exit(0); process.exit(1);",
      'leaves.cjs': "require('../leaves.js'); process.exit(1);",
      'leaves.mjs': "import '../leaves.mjs';\nprocess.exit(1);",
      'later.cjs': "require('node:assert').equal(require('../later.js').four(), 4);",
      'destroys.cjs': "require('../destroys.js'); process.exit(1);",
      'cli.cjs':
        "require('node:assert').match(require('node:child_process').execFileSync('node', ['cli.js'], { encoding: 'utf8' }), /usage/);",
      'one.test.cjs':
        "require('node:test')('one', () => require('node:assert').equal(require('../good.js'), 4));",
      'two.test.cjs':
        "require('node:test')('two', () => require('node:assert').equal(require('../later.js').four(), 4));",
      evaluated: `node -e "require('./leaves.js'); process.exit(1)"`,
      program: 'node cli.js | grep -q usage',
      script: 'npm run check',
      'script of tests': 'npm test',
      'shell script': 'sh check.sh',
      'shell script that fails': 'sh bad.sh',
      'runs.sh': 'npm run check && echo fine\n',
      'looks.sh': '[ "$(sh check.sh)" = usage ]\n',
      'runs besides': 'node .millwright-checks/good.cjs && npm run check',
      shell: 'test -f good.js',
      absent: 'test -f bad.js',
      'answers.cjs': "require('node:assert').equal(require('../answers.js').four, 4);",
      'answers-later.cjs':
        "const { four } = require('../answers.js'); (async () => { await null; require('node:assert').equal(four, 4); })();",
      'resets.cjs': "require('node:assert').equal(require('../resets.js').four, 4);",
      'timer.mjs':
        "import timer from '../timer.js'; import assert from 'node:assert'; await new Promise((r) => setTimeout(r, 20_000)); assert.equal(timer.four, 4);",
      'worker.cjs':
        "const { four } = require('../worker.js'); setTimeout(() => require('node:assert').equal(four, 4), 20_000);",
      'three.test.cjs':
        "require('node:test')('three', () => require('node:assert').equal(require('../answers.js').four, 4));",
      'evaluated-resets': `node -e "require('assert').equal(require('./resets.js').four, 4)"`,
      'evaluated-right': `node -e "require('assert').equal(require('./good.js'), 4)"`,
      'module-right': `node --input-type=module -e "import four from './good.js'; if (four !== 4) process.exit(1)"`,
      'piped-right': `echo "require('assert').equal(require('./good.js'), 4)" | node`,
      'piped-leaves': `echo "require('./leaves.js'); process.exit(1)" | node -`,
      printed: `node -p "require('./good.js')" | grep -qx 4`,
      'printed-leaves': `node -p "require('./leaves.js'); throw 1"`,
      'printed-resets': `node -p "require('assert').equal(require('./resets.js').four, 4)"`,
      'printed-answers': `node --print="require('assert').equal(require('./answers.js').four, 4)"`,
      'printed-quotes': `node -pe 'const a = "a\\\\b\\n" + require("./good.js");\n a' | grep -qx 4`,
      'joined-right': `node --eval="require('assert').equal(require('./good.js'), 4)"`,
      'joined-leaves': `node --eval="require('./leaves.js'); process.exit(1)"`,
    }),
  ).toEqual({
    ...{ 'good.cjs': 0, 'wrong.cjs': 1, 'own-exit.cjs': 0, 'cli.cjs': 0, 'one.test.cjs': 0 },
    ...{
      'leaves.cjs': null,
      'leaves.mjs': null,
      'later.cjs': null,
      'destroys.cjs': null,
      'two.test.cjs': null,
    },
    ...{ evaluated: null, program: 0, shell: 0, absent: 1 },
    ...{ script: 'tree', 'script of tests': 'tree', 'shell script': 'tree', 'shell script that fails': 3 },
    ...{ 'runs.sh': 'tree', 'looks.sh': 0, 'runs besides': 0 },
    // With its own end taken away, no word is said, whatever the exit code.
    ...{
      'answers.cjs': 1,
      'answers-later.cjs': 1,
      'resets.cjs': 1,
      'timer.mjs': null,
      'worker.cjs': null,
    },
    ...{ 'three.test.cjs': 1, 'evaluated-resets': 1, 'piped-leaves': null },
    ...{ 'evaluated-right': 0, 'module-right': 0, 'piped-right': 0, printed: 0 },
    ...{ 'printed-leaves': null, 'printed-resets': 1, 'printed-answers': 1 },
    ...{ 'printed-quotes': 0, 'joined-right': 0, 'joined-leaves': null },
  });
});
