import { Digest, type TestReport, type Ticket } from '@millwright/domain';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Files } from '../testing/snapshots.ts';
import { openVerifying, type Verifying } from './testing/verifying.ts';

// What each verdict is for, on small packages of every shape that was found wanting.

let verifying: Verifying;
beforeAll(async () => {
  verifying = await openVerifying('verdicts');
});
afterAll(() => verifying?.close());

const GOOD = 'exports.add = (a, b) => a + b;\n';
const WRONG = 'exports.add = (a, b) => a - b;\n';
const HEAD = `const test = require('node:test');\nconst assert = require('node:assert');\nconst { add } = require('../src/sum.js');\n`;
const ADDS = "test('adds', () => assert.equal(add(1, 2), 3));\n";
const NEGATIVES = "test('adds negatives', () => assert.equal(add(1, -2), -1));\n";
const RED = "test('is red', () => assert.equal(1, 2));\n";
const manifest = (script: string) => JSON.stringify({ name: 'sum', scripts: { test: script } });
const suite = (source: string, tests: string, script = 'node --test'): Files => ({
  'package.json': manifest(script),
  'src/sum.js': source,
  'test/add.test.js': HEAD + tests,
});
const GREEN = suite(GOOD, ADDS + NEGATIVES);
const BUG: Partial<Ticket> = { kind: 'bug', title: 'add(1, 2) is -1' };

const of = async (base: Files, next: Files, ticket: Partial<Ticket> = {}): Promise<TestReport> =>
  (await verifying.verify(base, next, { ticket })).report;
const codes = (report: TestReport) => report.doubts.map(({ code }) => code);

/** A test a row; with the long tests those that another shows as well: a cheaper one (`with-checks`, `marks`, `mutants`), or the same change under its runner's matrix. */
function each<Row extends readonly [string, ...unknown[]]>(
  name: string,
  rows: readonly Row[],
  long: readonly string[],
  judged: (...row: Row) => Promise<void>,
): void {
  const isLong = ([what]: Row) => long.includes(what);
  test.for(rows.filter((row) => !isLong(row)))(name, (row) => judged(...row));
  test.for(rows.filter(isLong))(name, { tags: ['long'] }, (row) => judged(...row));
}

test('a command of several steps is told step by step, and judged as before', async () => {
  const script = 'sh lint.sh && node --test && sh types.sh';
  const linted = (lint: string, source: string) => ({
    ...{ ...suite(source, ADDS, script), 'lint.sh': lint, 'types.sh': 'exit 0\n' },
  });
  const green = linted('exit 0\n', GOOD);
  const later = await of(green, linted('exit 0\n', WRONG));
  expect(later).toMatchObject({
    verdict: 'failed',
    reason: expect.stringContaining(
      'Step by step: `node --test` failed; before it `sh lint.sh` passed; `sh types.sh` was not run.',
    ),
  });
  // Its first step fails on the base too: no test has run, and whoever looks is told.
  const red = linted('exit 3\n', GOOD);
  const same = await of(red, linted('exit 3\n', WRONG));
  expect(same).toMatchObject({
    verdict: 'failing_as_on_base',
    reason: expect.stringMatching(
      /`sh lint.sh` failed; `node --test` and `sh types.sh` were not run; so it is on the base\.$/,
    ),
  });
});

// A failing test that is on the base already.
const REPORTED = suite(WRONG, ADDS);
test.each<[string, Files, Partial<Ticket>, string]>([
  ['the right fix', suite(GOOD, ADDS), BUG, 'passed'],
  ['one comment', suite(`${WRONG}// adds\n`, ADDS), BUG, 'failed'],
  [
    'an empty line and a file nobody loads',
    { ...suite(`\n${WRONG}`, ADDS), 'NOTES.txt': 'mended' },
    BUG,
    'failed',
  ],
  [
    'another test that always passed',
    {
      ...REPORTED,
      'test/more.test.js': `${HEAD}test('is a function', () => assert.equal(typeof add, 'function'));\n`,
    },
    BUG,
    'failed',
  ],
  ['one comment, and no bug', suite(`${WRONG}// adds\n`, ADDS), {}, 'failing_as_on_base'],
])('a bug whose test is on the base already, and %s: %s', async (_, next, ticket, verdict) => {
  const report = await of(REPORTED, next, ticket);
  expect(report).toMatchObject({ verdict });
  expect(report.names.turned).toEqual(verdict === 'passed' ? ['adds'] : []);
});

test('a bug is mended where a test of the change fails with the old code; not where it passes with it', async () => {
  const silent = suite('exports.add = (a, b) => (b < 0 ? 0 : a + b);\n', ADDS);
  const mended = await of(silent, GREEN, BUG);
  expect(mended).toMatchObject({
    verdict: 'passed',
    names: { turned: ['adds negatives'] },
    ownTests: { files: ['test/add.test.js'], passing: [], failing: ['adds negatives'] },
    mutants: { noticed: 1 },
  });
  expect(codes(mended)).toEqual([]);
  const looked =
    "test('is mended', () => assert.match(require('node:fs').readFileSync('src/sum.js', 'utf8'), /mended/));\n";
  const said = await of(
    silent,
    suite('// mended\nexports.add = (a, b) => (b < 0 ? 0 : a + b);\n', ADDS + looked),
    BUG,
  );
  expect(said).toMatchObject({ verdict: 'failed', reason: expect.stringContaining('no test turns') });
  const unproven = await of(silent, { ...suite(GOOD, ADDS), 'README.md': 'mended' }, BUG);
  expect(unproven).toMatchObject({ verdict: 'failed', reason: expect.stringContaining('no test turns') });
});

each<[string, string]>(
  'a base whose only test is red, and code that %s, is no pass',
  [
    ['ends with 1 where it is loaded', `process.exit(1);\n${GOOD}`],
    ['ends with 0 where it is loaded', `process.exit(0);\n${GOOD}`],
    [
      'ends with the code of the base later',
      `${GOOD}setTimeout(() => process.exit(1), 1).unref();\nprocess.exitCode = 1;\nprocess.reallyExit(1);\n`,
    ],
  ],
  ['ends with 0 where it is loaded'],
  async (_, source) => {
    const report = await of(suite(GOOD, RED), suite(source, RED));
    expect(['failed', 'invalid']).toContain(report.verdict);
  },
);

test('what is red on the base and stays so is named, and no pass', async () => {
  const report = await of(suite(GOOD, ADDS + RED), { ...suite(GOOD, ADDS + RED), 'README.md': 'prose' });
  expect(report).toMatchObject({
    ...{ verdict: 'failing_as_on_base', followed: 'proven', fellBack: null },
    names: { failing: [], failingOnBase: ['is red'] },
    failures: [{ count: 1, tests: ['test/add.test.js: is red'], cause: expect.stringContaining('1 == 2') }],
  });
});

test.each<[string, Files]>([
  ['no test command', { 'package.json': '{}', 'src/sum.js': GOOD }],
  ['node --test without a test file', { 'package.json': manifest('node --test'), 'src/sum.js': GOOD }],
  ['tests that the command does not start', suite(GOOD, ADDS, 'node src/sum.js')],
])('%s reads no tests, never passed', async (_, base) => {
  const report = await of(base, { ...base, 'src/sum.js': `${GOOD}exports.less = (a, b) => a < b;\n` });
  expect(report.verdict).toBe('no_tests');
});

const EMPTY = "test('adds', () => {});\ntest('adds negatives', () => {});\n";
each<[string, Files, Partial<Ticket>, string]>(
  'tests %s',
  [
    ['emptied under their names', suite(WRONG, EMPTY), {}, 'failed'],
    [
      'made to hold always',
      suite(WRONG, `${ADDS.replace('add(1, 2), 3', '1, 1')}${NEGATIVES.replace('add(1, -2), -1', '1, 1')}`),
      {},
      'failed',
    ],
    [
      'loosened',
      suite(
        WRONG,
        ADDS.replace('equal(add(1, 2), 3)', 'ok(Number.isFinite(add(1, 2)))') +
          NEGATIVES.replace('equal(add(1, -2), -1)', 'ok(add)'),
      ),
      {},
      'failed',
    ],
    [
      'made to say the new',
      suite(WRONG, ADDS.replace('3', '-1') + NEGATIVES.replace('-1)', '3)')),
      {},
      'passed',
    ],
    [
      'emptied, where the ticket says so',
      suite(WRONG, EMPTY),
      { title: 'Subtract', body: 'The tests of adding change with it.' },
      'passed',
    ],
  ],
  ['made to hold always', 'loosened'],
  async (_, next, ticket, verdict) => {
    const report = await of(GREEN, next, ticket);
    expect(report).toMatchObject({ verdict });
    if (verdict === 'failed') expect(report.reason).toMatch(/made to say less/);
    else expect(report.baseTests.failing).toEqual(['adds', 'adds negatives']);
  },
);

const CASES = `${HEAD}test('adds', () => { for (const [a, b, sum] of require('../data/cases.json')) assert.equal(add(a, b), sum); });\n`;
test('data outside of the tests that only they name is theirs: the base’s tests run with the base’s', async () => {
  const before = { ...suite(GOOD, ''), 'test/add.test.js': CASES, 'data/cases.json': '[[1, 2, 3]]' };
  const report = await of(before, { ...before, 'src/sum.js': WRONG, 'data/cases.json': '[[1, 2, -1]]' });
  expect(report).toMatchObject({
    verdict: 'passed',
    baseTests: { files: ['data/cases.json'], failing: ['adds'] },
  });
});

test('a helper outside of the tests that is made to say less fails, as a test does', async () => {
  const helper = (body: string) => `exports.check = (a, b) => ${body};\n`;
  const before = {
    ...suite(GOOD, ''),
    'package.json': JSON.stringify({ main: 'src/sum.js', scripts: { test: 'node --test' } }),
    'tools/check.js': helper("require('node:assert').equal(a, b)"),
    'test/add.test.js': `${HEAD}test('adds', () => require('../tools/check.js').check(add(1, 2), 3));\n`,
  };
  const weak = { ...before, 'src/sum.js': WRONG, 'tools/check.js': helper('a !== undefined') };
  const report = await of(before, weak);
  expect(report).toMatchObject({ verdict: 'failed', baseTests: { failing: ['adds'] } });
  expect(report.reason).toMatch(/made to say less/);
});

each<[string, string, string]>(
  'code that behaves by %s raises, with its line',
  [
    ['NODE_TEST_CONTEXT', 'process.env.NODE_TEST_CONTEXT ? a + b : a - b', 'reads-runner-marks'],
    ['the file that calls it', "new Error().stack.includes('test/') ? a + b : a - b", 'reads-its-caller'],
    [
      'what the process was started with',
      "process['arg' + 'v'].join().includes('test') ? a + b : a - b",
      'reads-its-caller',
    ],
  ],
  ['the file that calls it', 'what the process was started with'],
  async (_, body, code) => {
    const report = await of(GREEN, suite(`// sum\nexports.add = (a, b) => ${body};\n`, ADDS + NEGATIVES));
    expect(report.doubts).toContainEqual(expect.objectContaining({ code, path: 'src/sum.js', line: 2 }));
  },
);

test('a change that no test notices raises; one whose tests would pass without it raises', async () => {
  const unnoticed = await of(GREEN, suite(`${GOOD}exports.less = (a, b) => a < b;\n`, ADDS + NEGATIVES));
  expect(unnoticed).toMatchObject({ verdict: 'passed', mutants: { noticed: 0 } });
  expect(codes(unnoticed)).toEqual(['tests-notice-nothing']);
  const beside = await of(GREEN, {
    ...suite(`${GOOD}exports.less = (a, b) => a < b;\n`, ADDS + NEGATIVES),
    'src/more.js': 'exports.more = (a, b) => a > b;\n',
    'test/more.test.js': `${HEAD}test('more', () => assert.ok(require('../src/more.js').more(2, 1)));\n`,
  });
  expect(beside.doubts, 'a fault that is noticed in another file says nothing of this').toMatchObject([
    { code: 'tests-notice-nothing', path: 'src/sum.js' },
  ]);
  const vain = await of(GREEN, {
    ...suite(`${GOOD}exports.less = (a, b) => a < b;\n`, ADDS + NEGATIVES),
    'test/less.test.js': `${HEAD}test('less', () => assert.ok(true));\n`,
  });
  expect(vain.ownTests).toMatchObject({ passing: ['less'], failing: [] });
  expect(codes(vain)).toEqual(['tests-pass-before', 'tests-notice-nothing']);
});

each<[string, string, string]>(
  'a change without anything to be swapped, and no test that notices: %s',
  [
    [
      'lines that went',
      `${GOOD}exports.safe = (a) => { if (a === null) throw new Error('no'); return a; };\n`,
      `${GOOD}exports.safe = (a) => {  return a; };\n`,
    ],
    [
      'a call',
      `${GOOD}exports.log = (a) => a;\n`,
      `${GOOD}exports.log = (a) => {\n  exports.add(a);\n  return a;\n};\n`,
    ],
  ],
  ['lines that went'],
  async (_, before, after) => {
    const report = await of(suite(before, ADDS), suite(after, ADDS));
    expect(report).toMatchObject({ verdict: 'passed', mutants: { noticed: 0 } });
    expect(codes(report)).toEqual(['tests-notice-nothing']);
  },
);

test('peers that npm finds at odds since the change are told, and not those of the base', async () => {
  const base = { 'package.json': '{}', 'src/sum.js': GOOD };
  const codes = async (oldPeers: { base: boolean; candidate: boolean }) => {
    const { report } = await verifying.verify(base, { ...base, 'a.js': '' }, { oldPeers });
    return report.doubts.map(({ code }) => code);
  };
  expect(await codes({ base: false, candidate: true })).toContain('peers-at-odds');
  expect(await codes({ base: true, candidate: true })).not.toContain('peers-at-odds');
  expect(await codes({ base: true, candidate: false })).not.toContain('peers-at-odds');
});

test('a command that is stopped at its limit, or with its attempt, leaves nothing behind', async () => {
  const own = await openVerifying('stopped');
  const endless = suite('for (;;) {}\n', ADDS);
  const [late, stopped] = await Promise.allSettled([
    own.verify(GREEN, endless, { timeoutMs: 4_000 }),
    own.verify(GREEN, { ...endless, 'a.txt': 'a' }, { signal: AbortSignal.timeout(6_000) }),
  ]);
  expect(late).toMatchObject({
    value: { report: { verdict: 'failed', reason: 'The tests did not end within 4 s.' } },
  });
  expect(stopped.status).toBe('rejected');
  // Throws where a container or a volume of its own is left.
  await own.close();
});

test('a runtime that the tree does not ask for is named where the base fails on it', async () => {
  const asks = (tests: string): Files => ({
    ...suite(GOOD, tests),
    'package.json': JSON.stringify({
      name: 'old',
      engines: { node: '<20' },
      scripts: { test: 'node --test' },
    }),
  });
  const prose = { 'README.md': 'prose' };
  const red = await of(asks(RED), { ...asks(RED), ...prose });
  expect(red.doubts).toEqual([
    {
      code: 'runtime-unfit',
      text: expect.stringMatching(/^runs where the base's tests do not pass: .*asks for Node <20/),
    },
  ]);
  expect(codes(await of(asks(ADDS), { ...asks(ADDS), ...prose }))).toEqual([]);
});

each<[string, 'change' | 'guard', string, string, string | null]>(
  'a bug that no test shows, with %s',
  [
    [
      'a check that the change meets',
      'change',
      'node -e "process.exit(require(\'./src/sum.js\').add(1, -2) === -1 ? 0 : 1)"',
      'passed',
      null,
    ],
    [
      'a check that holds on the base',
      'change',
      'test -f package.json',
      'failed',
      'holds on the base already',
    ],
    ['a check that only the tree answers', 'change', 'node src/sum.js', 'failed', 'nobody can tell'],
    ['a check that holds on neither', 'change', 'test -f nowhere', 'failed', null],
    ['a check that held before it', 'change', '! grep -q mended src/sum.js', 'failed', null],
    ['a guard that holds on both', 'guard', 'test -f package.json', 'failed', null],
    ['a guard that holds on neither', 'guard', 'test -f nowhere', 'failed', 'does not hold on the base'],
    ['a guard that the change breaks', 'guard', '! grep -q mended src/sum.js', 'failed', null],
    [
      'a guard that the change alone meets',
      'guard',
      'grep -q mended src/sum.js',
      'failed',
      'does not hold on the base',
    ],
  ],
  [
    'a check that holds on neither',
    'a check that held before it',
    'a guard that holds on both',
    'a guard that holds on neither',
    'a guard that the change alone meets',
  ],
  async (_, kind, command, verdict, why) => {
    const checks = { summary: 's', checks: [{ acceptance: 'A', command, kind }], files: null };
    const acceptance = { checks, digest: Digest.parse(`sha256:${'0'.repeat(64)}`), files: null };
    const { report } = await verifying.verify(
      suite('exports.add = (a, b) => (b < 0 ? 0 : a + b);\n', ADDS),
      suite(`${GOOD}// mended\n`, ADDS),
      { ticket: BUG, acceptance },
    );
    expect(report.verdict).toBe(verdict);
    expect(codes(report).includes('check-does-not-count')).toBe(why !== null);
    expect(report.reason.includes('does not count')).toBe(why !== null);
    if (why !== null) expect(report.reason).toContain(why);
  },
);

// What lies among the tests of one process, and patches the code under test there.
const HELPED = (help: string): Files => ({
  'package.json': JSON.stringify({
    ...{ name: 'sum', scripts: { test: 'mocha' }, devDependencies: { mocha: '11.7.5' } },
  }),
  'src/sum.js': GOOD,
  'test/help.js': help,
  'test/sum.js': `require('./help.js'); const assert = require('node:assert'); const { add } = require('../src/sum.js');
it('adds', () => assert.equal(add(1, 2), 3));\n`,
});
const PATCH = "require('../src/sum.js').add = (a, b) => a + b;\n";
each<[string, Files]>(
  'wrong code behind %s fails by the base’s own tests',
  [
    ['a helper that patches', { ...HELPED(PATCH), 'src/sum.js': WRONG }],
    [
      'a test file more that patches',
      { ...HELPED(''), 'src/sum.js': WRONG, 'test/a.js': `${PATCH}it('is there', () => {});\n` },
    ],
    [
      'a test file more that writes over the source',
      {
        ...{ ...HELPED(''), 'src/sum.js': WRONG },
        'test/a.js': `require('node:fs').writeFileSync('src/sum.js', ${JSON.stringify(GOOD)});\n`,
      },
    ],
  ],
  ['a test file more that patches'],
  async (_, next) => {
    const report = await of(HELPED(''), next);
    expect(report).toMatchObject({ verdict: 'failed', baseTests: { failing: ['adds'] } });
  },
);

test('a bug that only a helper mends is not mended', async () => {
  const wrong = { ...HELPED(''), 'src/sum.js': WRONG };
  const report = await of(wrong, { ...HELPED(PATCH), 'src/sum.js': `${WRONG}// mended\n` }, BUG);
  expect(report).toMatchObject({ verdict: 'failed', names: { turned: [] } });
  const mended = await of(wrong, { ...HELPED('// helps\n'), 'src/sum.js': GOOD }, BUG);
  expect(mended).toMatchObject({ verdict: 'passed', names: { turned: ['adds'] } });
});

test('wrong code whose snapshot was updated is told by the base’s snapshot', async () => {
  const snapshot = (value: number) => `exports[\`adds 1\`] = \`\n${value}\n\`;\n`;
  const base = (source: string, value: number): Files => ({
    'package.json': manifest('node --test'),
    'src/sum.js': source,
    'test/sum.test.js': `${HEAD}test('adds', (t) => t.assert.snapshot(add(1, 2)));\n`,
    'test/sum.test.js.snapshot': snapshot(value),
  });
  const updated = await of(base(GOOD, 3), base(WRONG, -1));
  expect(updated.baseTests.failing).toEqual(['adds']);
});
