import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ON_NODE, SOURCE } from './cheats.ts';
import {
  approves,
  checks,
  goesWell,
  implements_,
  plans,
  type Script,
  says,
  writeScripts,
} from './conversations.ts';
import { type Factory, ROOT, startFactory } from './factory.ts';
import type { Files } from './remote.ts';

// Cases with hidden tests, through the whole factory: what it solves, what it accepts wrongly, and cases that tell nothing.

let factory: Factory;
/** The factory's own image, which a case names by itself. */
const SANDBOX =
  process.env.MILLWRIGHT_SANDBOX_IMAGE ??
  JSON.parse(readFileSync(join(ROOT, 'node_modules/.millwright-setup.json'), 'utf8')).image;
const folder = mkdtempSync(join(tmpdir(), 'millwright-eval-'));
const cases = join(folder, 'cases');
const out = join(folder, 'out');

const made = (body: string) => ({
  path: 'src/sum.js',
  text: `${SOURCE}exports.times = (a, b) => ${body};\n`,
});
const tested = {
  path: 'test/times.test.js',
  text: "const test = require('node:test');\nconst assert = require('node:assert');\nconst { times } = require('../src/sum.js');\ntest('multiplies', () => assert.equal(times(2, 2), 4));\n",
};
/** Its own tests send the first attempt back, rightly. */
const strict = { ...tested, text: tested.text.replace('times(2, 2), 4', 'times(3, 4), 12') };
const inTwo = (title: string): Script[] => [
  plans(title),
  implements_(title, [made('a + b'), strict], { when: { attempt: 1 } }),
  implements_(title, [made('a * b')], { when: { attempt: 2 } }),
  approves(title),
  checks(title),
];
const hidden = (by: string) => ({
  'hidden/hidden.test.js': `const assert = require('node:assert');\nconst sum = require('./src/sum.js');\nassert.equal(${by}, 12);\n`,
});

function write(name: string, files: Files): void {
  for (const [path, text] of Object.entries(files)) {
    if (text === null) continue;
    mkdirSync(dirname(join(cases, name, path)), { recursive: true });
    writeFileSync(join(cases, name, path), text);
  }
}
const repo = Object.fromEntries(Object.entries(ON_NODE).map(([path, text]) => [`repo/${path}`, text]));
const RUN = 'test: node hidden.test.js\n';
const titleOf = (name: string) => `Multiply: ${name}`;
const given = (name: string, more: Files) =>
  write(name, { ...repo, 'case.yaml': RUN, 'ticket.md': `# ${titleOf(name)}\n`, ...more });

const asks = (title: string): Script => ({
  role: 'plan',
  when: { title: `^${title}$` },
  turns: [{ tools: [{ submit: { summary: 'Two ways.', question: 'Which product?' } }] }],
});

beforeAll(async () => {
  given('right', {
    ...hidden('sum.times(3, 4)'),
    'case.yaml': `${RUN}image: ${SANDBOX}\n`,
    'solution/src/sum.js': made('a * b').text,
    'wrong/adds/src/sum.js': made('a + b').text,
  });
  given('lets-pass', { ...hidden('sum.times(3, 4)'), 'wrong/same/src/sum.js': made('a * b').text });
  given('wrong', hidden('sum.times(3, 4)'));
  given('tells-nothing', hidden('sum.add(8, 4)'));
  given('unclear', { 'case.yaml': `${RUN}expect: ask\n` });
  given('no-hidden-tests', {});
  given('no-image', { ...hidden('sum.times(3, 4)'), 'case.yaml': `${RUN}image: no/such:image\n` });
  factory = await startFactory({
    conversations: [
      ...inTwo(titleOf('right')),
      ...goesWell(titleOf('wrong'), [made('a + b'), tested]),
      asks(titleOf('unclear')),
    ],
  });
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await factory?.close();
});
beforeEach(({ onTestFailed }) => onTestFailed(() => console.error(factory.said())));

type Document = {
  results: { name: string; verdict: string; why: string; usd: number; sentBackChanges: object }[];
  figures: { cases: number };
  compared: { both: number; p: number } | null;
};

it('tells solved from wrongly accepted, by tests that no agent saw, and takes kept results as they are', async () => {
  const ran = await factory.cli(['eval', cases, '--out', out, '--json']);
  expect(ran.stdout, ran.stderr).not.toBe('');
  expect(ran.stderr).toContain('case no-hidden-tests: there are no hidden tests');
  expect(ran.stderr).toContain('case no-image: the engine has no image no/such:image; docker pull');
  const remote = join(out, 'right/remote.git');
  expect(execFileSync('git', ['--git-dir', remote, 'show', 'main:millwright.yaml']).toString()).toContain(
    `image: "${SANDBOX}"`,
  );
  const { results, figures } = JSON.parse(ran.stdout) as Document;
  expect(Object.fromEntries(results.map(({ name, verdict }) => [name, verdict])), ran.stderr).toEqual({
    right: 'solved',
    'lets-pass': 'invalid',
    'tells-nothing': 'invalid',
    unclear: 'solved',
    wrong: 'wrongly_accepted',
  });
  expect(results.find(({ name }) => name === 'lets-pass')?.why).toBe(
    'its hidden tests pass on the wrong change same',
  );
  expect(figures.cases).toBe(3);
  expect(ran.code).toBe(1);
  expect(results.find(({ name }) => name === 'right')?.usd).toBeGreaterThan(0);
  expect(results.find(({ name }) => name === 'right')?.sentBackChanges, ran.stderr).toEqual({
    ...{ rightly: 1, wrongly: 0, unknown: 0 },
  });
  const report = readFileSync(join(out, 'report.md'), 'utf8');
  expect(report).toContain('| wrong | wrongly accepted |');
  expect(report).toContain('| changes sent back rightly | 1 of 1, 100 % (');
  for (const request of await factory.requests())
    expect(JSON.stringify(request)).not.toContain('hidden.test.js');

  const kept = () => statSync(join(out, 'right/result.json')).mtimeMs;
  const before = kept();
  const again = await factory.cli(['eval', cases, '--out', out, '--against', out, '--json']);
  const second = JSON.parse(again.stdout) as Document;
  expect(second.results).toEqual(results);
  expect(second.compared).toMatchObject({ both: 2, p: 1 });
  expect(kept()).toBe(before);
});

it('runs two configurations, each in a factory of its own, and compares them case by case', {
  tags: ['long'],
}, async () => {
  const [only, place] = [join(folder, 'only'), join(folder, 'compared')];
  cpSync(join(cases, 'unclear'), join(only, 'unclear'), { recursive: true });
  const title = titleOf('unclear');
  const neither: Script = {
    ...says('plan', title, [{ tools: [{ submit: { summary: 'Neither.' } }] }]),
    repeat: true,
  };
  const args = ['eval', only, '--out', place, '--json'];
  for (const [name, script] of [
    ['asking', asks(title)],
    ['lost', neither],
  ] as const) {
    writeScripts(join(folder, `scripts-${name}`), [script]);
    const file = join(folder, `${name}.yaml`);
    writeFileSync(file, `env: { MILLWRIGHT_EFFORT_PLAN: low }\nrecorded: scripts-${name}\n`);
    args.push('--config', file);
  }
  const ran = await factory.cli(args);
  expect(ran.code, ran.stderr).toBe(0);
  const [asking, lost, both] = ran.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Document);
  expect(asking?.results).toMatchObject([{ name: 'unclear', verdict: 'solved' }]);
  expect(lost?.results).toMatchObject([{ name: 'unclear', verdict: 'wrongly_refused' }]);
  expect(both?.compared).toMatchObject({ both: 0, onlyFirst: ['unclear'], onlySecond: [], p: 1 });
  expect(readFileSync(join(place, 'comparison.md'), 'utf8')).toContain(
    '| unclear | solved | wrongly refused |',
  );
  expect(readFileSync(join(place, 'comparison.svg'), 'utf8')).toContain('solved, lost');
});
