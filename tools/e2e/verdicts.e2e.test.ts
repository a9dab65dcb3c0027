import type { GateView, RunView, TrailLine } from '@millwright/api';
import { type EntryOf, Facts } from '@millwright/domain';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ON_MOCHA, ON_NODE, SOURCE } from './cheats.ts';
import {
  approves,
  checks,
  type Edit,
  goesWell,
  implements_,
  plans,
  type Script,
  says,
} from './conversations.ts';
import { type Factory, startFactory } from './factory.ts';
import type { Files } from './remote.ts';

// What each verdict comes to in the whole factory, at the step at which everything else goes by itself.

let factory: Factory;

const LESS: Edit = { path: 'src/less.js', text: 'exports.less = (a, b) => a < b;\n' };
const PROSE: Edit = { path: 'README.md', text: 'One line of prose.\n' };
const RED = `const test = require('node:test');
const { add } = require('../src/sum.js');
test('is red', () => require('node:assert').equal(add(1, 2), 4));
`;
const WITHOUT: Files = { 'package.json': '{ "name": "sum" }\n', 'src/sum.js': SOURCE };
const NONE_FOUND: Files = {
  'package.json': '{ "name": "sum", "scripts": { "test": "node --test" } }\n',
  'src/sum.js': SOURCE,
};
const RED_ONLY: Files = { ...NONE_FOUND, 'test/red.test.js': RED };

/** The bug that its test on the base shows; sent back for a comment, the model mends it. */
const REPORTED: Files = { ...ON_NODE, 'src/sum.js': SOURCE.replace('a + b', 'a - b') };
const FIX: Edit = { path: 'src/sum.js', text: SOURCE };
const COMMENT = 'echo "// adds" >> src/sum.js';

/** Ways to have fewer tests from now on: each as the whole of a change. */
const scripted = (more: Record<string, string>, key = 'scripts') =>
  JSON.stringify({ ...JSON.parse(ON_NODE['package.json'] ?? ''), [key]: more });
const ONE_FILE: Edit = {
  path: 'package.json',
  text: scripted({ test: 'node --test test/twice.test.js' }),
};
const BEFORE: Edit = {
  path: 'package.json',
  text: scripted({ pretest: 'rm -f test/add.test.js', test: 'node --test' }),
};
const NARROWED: Edit = { path: '.mocharc.json', text: '{ "spec": ["test/twice.test.js"], "ui": "tdd" }\n' };
const ON_VITEST: Files = {
  ...ON_NODE,
  'package.json': JSON.stringify({
    ...{ name: 'sum', private: true, type: 'commonjs', scripts: { test: 'vitest run' } },
    devDependencies: { vitest: '4.0.15' },
  }),
  'vitest.config.mjs': "export default { test: { globals: true, include: ['test/*.test.js'] } };\n",
  ...Object.fromEntries(
    ['add', 'twice'].map((name) => [
      `test/${name}.test.js`,
      ON_NODE[`test/${name}.test.js`]?.replace("const test = require('node:test');\n", '') ?? '',
    ]),
  ),
};
const INCLUDED: Edit = {
  path: 'vitest.config.mjs',
  text: "export default { test: { globals: true, include: ['test/twice.test.js'] } };\n",
};
const ASKED: Edit = {
  path: 'package.json',
  text: scripted({ test: 'node --test --test-reporter=dot' }),
};

/** What honest tests look at: how they were started, what they are given, and what a node that they start is given. Seat and judge pass it. */
const LOOKS = [
  'ok(!process.argv.slice(2).some((word) => /report|millwright|tmp/i.test(word)))',
  'ok(!process.execArgv.some((word) => /^--test-reporter|\\/tmp\\//.test(word)))',
  "ok(!['CI', 'NO_COLOR', 'FORCE_COLOR', 'NODE_OPTIONS'].some((name) => name in process.env))",
  "ok(run('node', ['-p', 'process.execArgv.length'], { encoding: 'utf8' }).trim() === '2')",
  "ok(run('node', ['-p', 'new Date(0).getHours()'], { encoding: 'utf8', env: { ...process.env, TZ: 'Asia/Tokyo' } }).trim() === '9')",
  'ok(Object.getOwnPropertyNames(globalThis).every((name) => !/millwright/i.test(name)))',
];
const LOOKING: Files = {
  ...ON_NODE,
  'test/looks.test.js': `const test = require('node:test');
const { ok } = require('node:assert');
const { execFileSync: run } = require('node:child_process');
${LOOKS.map((look, nth) => `test('looks, ${nth}', () => { ${look}; });\n`).join('')}`,
};

const VAIN = 'Compare, checked in vain';
/** The first three show nothing of the change, the others do. */
const CHECKS = [
  'test -f src/sum.js',
  '!test -f src/nowhere.js',
  'sh .millwright-checks/runs.sh',
  'test -f src/less.js',
  '!test -f package.json',
];

const DOUBTED = 'Tell whether tests run';
const SKIPPED = "sed -i 's/^test(/test.skip(/' test/add.test.js";

const script = (title: string, edits: readonly Edit[]): Script[] => goesWell(title, edits);
const SCRIPTS: Script[] = [
  ...script('Compare without tests', [LESS]),
  ...script('Compare where no test is found', [LESS]),
  ...script('Compare beside a red test', [LESS]),
  ...script('End beside a red test', [{ path: 'src/sum.js', text: `process.exit(1);\n${SOURCE}` }]),
  ...script('Describe beside a red test', [PROSE]),
  ...script('Describe without tests', [PROSE]),
  ...script('Watch who tests', [
    { path: 'src/sum.js', text: SOURCE.replace('a + b', 'process.env.NODE_TEST_CONTEXT ? a + b : a - b') },
  ]),
  plans(DOUBTED),
  implements_(DOUBTED, [
    { path: 'src/under.js', text: 'exports.under = () => process.env.NODE_TEST_CONTEXT !== undefined;\n' },
  ]),
  // The reviewer is told where to look.
  says('review', DOUBTED, [
    {
      expect: ['Look at: .*NODE_TEST_CONTEXT.*\\(src/under\\.js:1\\)'],
      tools: [{ submit: { verdict: 'approve', summary: 'Harmless.', findings: [] } }],
    },
  ]),
  checks(DOUBTED),
  ...script('Test one file', [ONE_FILE]),
  ...script('Prepare the tests', [BEFORE]),
  ...script('Narrow mocha', [NARROWED]),
  ...script('Narrow vitest', [INCLUDED]),
  ...script('Make the test script print dots', [ASKED]),
  ...goesWell('Compare beside tests that look', [LESS], { run: ['node --test', '^ℹ fail 0$'] }),
  ...[plans(VAIN), implements_(VAIN, [LESS]), approves(VAIN)],
  // A check that only runs a program of the tree is not taken; in a script it is found when it has run.
  says('test', VAIN, [
    {
      tools: [
        { submit: { summary: 'One.', checks: [{ acceptance: 'it runs', command: 'node src/less.js' }] } },
      ],
    },
    {
      expect: ['only runs a program of the repository \\(node src/less\\.js\\)'],
      tools: [{ bash: "mkdir -p .millwright-checks && echo 'node src/less.js' >.millwright-checks/runs.sh" }],
    },
    ...checks(VAIN, ...CHECKS).turns,
  ]),
  plans('Compare and skip'),
  implements_('Compare and skip', [LESS], { when: { attempt: 1 }, bash: SKIPPED }),
  implements_('Compare and skip', [], {
    when: { attempt: 2 },
    bash: "sed -i 's/^test.skip(/test(/' test/add.test.js",
  }),
  ...[approves('Compare and skip'), checks('Compare and skip')],
  plans('add(1, 2) is -1'),
  implements_('add(1, 2) is -1', [], { when: { attempt: 1 }, bash: COMMENT }),
  implements_('add(1, 2) is -1', [FIX], { when: { attempt: 2 } }),
  ...[approves('add(1, 2) is -1'), checks('add(1, 2) is -1')],
];

/** What it prints without colours, also where the tests are run with some. */
const said = async (...args: string[]): Promise<string> =>
  (await factory.cli(args, { env: { FORCE_COLOR: '0' } })).stdout;

beforeAll(async () => {
  factory = await startFactory({ conversations: SCRIPTS });
  for (const [name, files] of Object.entries({
    ...{ without: WITHOUT, found: NONE_FOUND, red: RED_ONLY, reported: REPORTED, sum: ON_NODE },
    ...{ looking: LOOKING, followed: ON_NODE, sum7: ON_NODE, mocha: ON_MOCHA, vitest: ON_VITEST },
  }))
    await factory.add(await factory.remote(name, files), { step: name === 'sum' ? 6 : 7 });
});
afterAll(() => factory?.close());
beforeEach(({ onTestFailed }) => onTestFailed(() => console.error(factory.said())));

const verdictsOf = (trail: TrailLine[]) =>
  trail
    .filter((entry) => entry.type === 'change.tested')
    .map((entry) => (entry.data as EntryOf<'change.tested'>['data']).verdict);

/** Rows that show what the one before them shows, in another way, are for `npm run test:long`. */
const LONG = { tags: ['long'] };

/** Files a ticket; its run once its merge gate waits for somebody. */
async function waiting(repo: string, title: string): Promise<{ run: RunView; gate: GateView }> {
  const ticket = await factory.file(repo, `# ${title}\n`);
  const run = await factory.runOf(
    ticket,
    ({ state, gates }) =>
      ['failed', 'done', 'denied'].includes(state) ||
      gates.some(({ action, decision }) => action === 'merge' && decision === 'needs_approval'),
  );
  const merge = run.gates.find(({ action }) => action === 'merge');
  const gate = await factory.json<GateView>(['gate', 'show', merge?.id ?? '']);
  expect(gate.decision).toBe('needs_approval');
  return { run, gate };
}

describe.concurrent('at step 7', () => {
  const UNTESTED = 'code in %s waits for a person: "%s" is %s';
  const untested = async ([repo, title, verdict, words]: readonly [string, string, string, string]) => {
    const { run, gate } = await waiting(repo, title);
    const trail = await factory.trail(run.id);
    // Once more where the other ticket's merge moved its base.
    expect(new Set(verdictsOf(trail))).toEqual(new Set([verdict]));
    expect(run.stages.filter((stage) => stage.kind === 'implement')).toHaveLength(1);
    expect(gate.policies).toContain('untested');
    expect(gate.facts).toMatchObject({
      test: { verdict },
      change: {
        risk: 'raised',
        reasons: expect.arrayContaining([expect.objectContaining({ code: 'untested' })]),
      },
    });
    const why = await said('run', 'why', run.id);
    expect(why).toContain(words);
    expect(why).not.toMatch(/tests?[^\n]*: passed/);
  };
  it.for([['red', 'Compare beside a red test', 'failing_as_on_base', 'failing as on the base']] as const)(
    UNTESTED,
    untested,
  );
  it.for([
    ['without', 'Compare without tests', 'no_tests', 'no tests'],
    ['found', 'Compare where no test is found', 'no_tests', 'no tests'],
  ] as const)(UNTESTED, LONG, untested);

  const PROSE_GOES = 'prose in %s goes by itself, and is not called tested: "%s"';
  const proseGoes = async ([repo, title, verdict]: readonly [string, string, string]) => {
    const { run } = await factory.follow(repo, `# ${title}\n`);
    expect(run, run.reason ?? '').toMatchObject({ state: 'done' });
    // Once more where the other's merge moved its base.
    expect(new Set(verdictsOf(await factory.trail(run.id)))).toEqual(new Set([verdict]));
  };
  it.for([
    ['red', 'Describe beside a red test', 'failing_as_on_base'],
    ['without', 'Describe without tests', 'no_tests'],
  ] as const)(PROSE_GOES, LONG, proseGoes);

  const RECONFIGURED = 'what changes how the tests of %s are run waits for a person: "%s"';
  const reconfigured = async ([repo, title, path]: readonly [string, string, string]) => {
    const { run, gate } = await waiting(repo, title);
    expect(verdictsOf(await factory.trail(run.id))).toEqual(['passed']);
    expect(gate.policies).toContain('merge-tests-reconfigured');
    expect(gate.facts).toMatchObject({
      change: {
        risk: 'raised',
        reasons: expect.arrayContaining([
          { code: 'tests-reconfigured', text: expect.stringContaining(path) },
        ]),
      },
    });
  };
  it.for([['followed', 'Test one file', 'package.json']] as const)(RECONFIGURED, reconfigured);
  it.for([
    ['followed', 'Prepare the tests', 'package.json'],
    ['mocha', 'Narrow mocha', '.mocharc.json'],
    ['vitest', 'Narrow vitest', 'vitest.config.mjs'],
  ] as const)(RECONFIGURED, LONG, reconfigured);

  it(
    'what the ticket asks of its test script is of raised risk, and goes by itself',
    LONG,
    async ({ expect }) => {
      const { run } = await factory.follow('followed', '# Make the test script print dots\n');
      expect(run, run.reason ?? '').toMatchObject({ state: 'done', delivered: { kind: 'merge' } });
      const { facts } = await factory.json<GateView>([
        ...['gate', 'show', run.gates.findLast(({ action }) => action === 'merge')?.id ?? ''],
      ]);
      expect(facts).toMatchObject({
        change: { reasons: expect.arrayContaining([expect.objectContaining({ code: 'test-setup' })]) },
      });
    },
  );

  it(
    'what is only doubted goes by itself, after a review that was told where to look',
    LONG,
    async ({ expect }) => {
      const { run } = await factory.follow('followed', `# ${DOUBTED}\n`);
      expect(run, run.reason ?? '').toMatchObject({ state: 'done', delivered: { kind: 'merge' } });
      const { facts } = await factory.json<GateView>([
        ...['gate', 'show', run.gates.findLast(({ action }) => action === 'merge')?.id ?? ''],
      ]);
      expect(facts).toMatchObject({
        change: {
          risk: 'raised',
          reasons: expect.arrayContaining([expect.objectContaining({ code: 'reads-runner-marks' })]),
        },
      });
    },
  );

  it('a change that skips a test is invalid, is told so, and goes once the test is back', async ({
    expect,
  }) => {
    const { run } = await factory.follow('sum7', '# Compare and skip\n');
    expect(run, run.reason ?? '').toMatchObject({ state: 'done', delivered: { kind: 'merge' } });
    expect(verdictsOf(await factory.trail(run.id))).toEqual(['invalid', 'passed']);
    expect(await said('run', 'tests', run.id)).toMatch(
      /invalid {2}2 tests that the base passes did not report as passed \(deleted, renamed, skipped/,
    );
  });

  it(
    'tests that look at what runs them see the same in the seat as before the judge, who follows them',
    LONG,
    async ({ expect }) => {
      const { run } = await factory.follow('looking', '# Compare beside tests that look\n');
      expect(run, run.reason ?? '').toMatchObject({ state: 'done', delivered: { kind: 'merge' } });
      expect(verdictsOf(await factory.trail(run.id))).toEqual(['passed']);
      const { facts } = await factory.json<GateView>([
        ...['gate', 'show', run.gates.findLast(({ action }) => action === 'merge')?.id ?? ''],
      ]);
      expect(facts).toMatchObject({ test: { verdict: 'passed', namesKnown: true } });
      const { change } = Facts.parse(facts) as Extract<Facts, { action: 'merge' }>;
      expect(change.reasons.map(({ code }) => code)).not.toContain('harness-fell-back');
    },
  );

  it('code that ends the process of a red suite is sent back, not merged', LONG, async ({ expect }) => {
    const { run } = await factory.follow('red', '# End beside a red test\n');
    expect(run.delivered).toBeNull();
    for (const verdict of verdictsOf(await factory.trail(run.id))) expect(verdict).toBe('failed');
  });

  it('a bug whose test is on the base already is not mended by a comment, and is by the fix', async ({
    expect,
  }) => {
    const { run } = await factory.follow('reported', '---\nkind: bug\n---\n# add(1, 2) is -1\n');
    expect(run, run.reason ?? '').toMatchObject({ state: 'done', delivered: { kind: 'merge' } });
    expect(verdictsOf(await factory.trail(run.id))).toEqual(['failed', 'passed']);
  });
});

it('code that behaves by what tests it waits at step 6, with its line shown', LONG, async () => {
  const { gate } = await waiting('sum', 'Watch who tests');
  const facts = Facts.parse(gate.facts);
  expect(facts.action === 'merge' ? facts.change.reasons : []).toContainEqual({
    code: 'reads-runner-marks',
    text: expect.stringMatching(/NODE_TEST_CONTEXT.*\(src\/sum\.js:1\)/),
  });
});

it('acceptance checks that hold on the base, and guards that do not, count for nothing and are said at the gate', async () => {
  const { run, gate } = await waiting('sum', VAIN);
  expect(verdictsOf(await factory.trail(run.id))).toEqual(['passed']);
  const facts = Facts.parse(gate.facts);
  expect(facts.action === 'merge' ? facts.change.reasons : []).toContainEqual({
    code: 'check-does-not-count',
    text: expect.stringMatching(/"test -f src\/sum\.js ends well".*holds on the base already\); and 2 more/),
  });
  const told = await said('run', 'tests', run.id);
  const marked = CHECKS.map((check) => check.replace(/^!/, '')).map(
    (check) =>
      /([✔–√]) .*ends well(.*)/.exec(told.slice(told.indexOf(`${check} ends well`) - 2))?.[2]?.trim() ??
      'not there',
  );
  expect(marked).toEqual(['(does not count)', '(does not count)', '(cannot tell)', '', '']);
});
