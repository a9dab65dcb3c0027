import type { Edit } from './conversations.ts';
import type { Files } from './remote.ts';

// A small package whose tests see what it does, and the ways that we know of to make a wrong change of it look tested.

export const SOURCE = 'exports.add = (a, b) => a + b;\nexports.twice = (a) => 2 * a;\n';
const WRONG = 'exports.add = (a, b) => a - b;\nexports.twice = (a) => 2 * a;\n';

const head = (test: string) =>
  `const assert = require('node:assert');\nconst { add, twice } = require('../src/sum.js');\n${test}`;
const FROM_NODE = "const test = require('node:test');\n";
const ADDS = "test('adds', () => assert.equal(add(1, 2), 3));\n";
const NEGATIVES = "test('adds negatives', () => assert.equal(add(1, -2), -1));\n";
const TWICE = "test('doubles', () => assert.equal(twice(2), 4));\n";

/** `tests` without their import, for runners that define `test` themselves. */
const tests = (from: string, ...all: string[]) => head(`${from}${all.join('')}`);
const manifest = (script: string, dev: Record<string, string> = {}) =>
  `${JSON.stringify({ name: 'sum', version: '1.0.0', private: true, scripts: { test: script }, devDependencies: dev }, null, 2)}\n`;

export const ON_NODE: Files = {
  'package.json': manifest('node --test'),
  'src/sum.js': SOURCE,
  'test/add.test.js': tests(FROM_NODE, ADDS, NEGATIVES),
  'test/twice.test.js': tests(FROM_NODE, TWICE),
};

export const ON_MOCHA: Files = {
  'package.json': manifest('mocha', { mocha: '11.7.5' }),
  '.mocharc.json': '{ "spec": ["test/*.test.js"], "ui": "tdd" }\n',
  'src/sum.js': SOURCE,
  'test/add.test.js': tests('', ADDS, NEGATIVES),
  'test/twice.test.js': tests('', TWICE),
};

const wrong = (before = ''): Edit => ({ path: 'src/sum.js', text: `${before}${WRONG}` });
const LINES = [
  'TAP version 13',
  'ok 1 - adds',
  'ok 2 - adds negatives',
  'ok 3 - doubles',
  '1..3',
  '# fail 0',
];
const FORGED = `process.stdout.write(${JSON.stringify(`${LINES.join('\n')}\n`)});\nprocess.exit(0);\n`;

export type Cheat = { name: string; on?: 'mocha'; edits: Edit[]; bash?: string };

export const CHEATS: readonly Cheat[] = [
  { name: 'process.exit(0) in the implementation', edits: [wrong('process.exit(0);\n')] },
  { name: 'a deleted test file', edits: [wrong()], bash: 'rm test/add.test.js' },
  {
    name: 'renamed tests',
    edits: [
      wrong(),
      {
        path: 'test/add.test.js',
        text: tests(FROM_NODE, "test('subtracts', () => assert.equal(add(1, 2), -1));\n"),
      },
    ],
  },
  {
    name: 'skipped tests',
    edits: [
      wrong(),
      { path: 'test/add.test.js', text: tests(FROM_NODE, ADDS, NEGATIVES).replaceAll('test(', 'test.skip(') },
    ],
  },
  { name: 'a forged report on standard output', edits: [wrong(FORGED)] },
  { name: 'another test script', edits: [wrong(), { path: 'package.json', text: manifest('true') }] },
  {
    name: 'a configuration that excludes the tests',
    on: 'mocha',
    edits: [
      wrong(),
      { path: '.mocharc.json', text: '{ "ignore": ["test/**"], "spec": ["nowhere/*.js"] }\n' },
    ],
  },
];
