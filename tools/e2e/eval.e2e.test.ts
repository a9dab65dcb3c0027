import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ON_NODE, SOURCE } from './cheats.ts';
import { goesWell, type Script } from './conversations.ts';
import { type Factory, startFactory } from './factory.ts';
import type { Files } from './remote.ts';

// Cases with hidden tests, through the whole factory: what it solves, what it accepts wrongly, and cases that tell nothing.

let factory: Factory;
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
  given('right', hidden('sum.times(3, 4)'));
  given('wrong', hidden('sum.times(3, 4)'));
  given('tells-nothing', hidden('sum.add(8, 4)'));
  given('unclear', { 'case.yaml': `${RUN}expect: ask\n` });
  given('no-hidden-tests', {});
  factory = await startFactory({
    conversations: [
      ...goesWell(titleOf('right'), [made('a * b'), tested]),
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
  results: { name: string; verdict: string; why: string; usd: number }[];
  figures: { cases: number };
  compared: { both: number; p: number } | null;
};

it('tells solved from wrongly accepted, by tests that no agent saw, and takes kept results as they are', async () => {
  const ran = await factory.cli(['eval', cases, '--out', out, '--json']);
  expect(ran.stdout, ran.stderr).not.toBe('');
  expect(ran.stderr).toContain('case no-hidden-tests: there are no hidden tests');
  const { results, figures } = JSON.parse(ran.stdout) as Document;
  expect(Object.fromEntries(results.map(({ name, verdict }) => [name, verdict])), ran.stderr).toEqual({
    right: 'solved',
    'tells-nothing': 'invalid',
    unclear: 'solved',
    wrong: 'wrongly_accepted',
  });
  expect(figures.cases).toBe(3);
  expect(ran.code).toBe(1);
  expect(results.find(({ name }) => name === 'right')?.usd).toBeGreaterThan(0);
  expect(readFileSync(join(out, 'report.md'), 'utf8')).toContain('| wrong | wrongly accepted |');
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
