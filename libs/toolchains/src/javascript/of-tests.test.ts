import { expect, test } from 'vitest';
import { ofTests } from './of-tests.ts';

const of = async (files: Record<string, string>, tests: readonly string[] = []) =>
  [
    ...(await ofTests(tests, { paths: Object.keys(files), read: async (path) => files[path] ?? null })),
  ].sort();

const OFFERS = {
  'package.json': '{"main": "./lib/index"}',
  'lib/index.js': "require('./sum')",
  'lib/sum.js': '',
};

test.each<[string, Record<string, string>, string[]]>([
  [
    'by its path',
    { 'data/cases.json': '', 'test/a.js': "require('../data/cases.json')" },
    ['data/cases.json'],
  ],
  ['in parts', { 'data/x.txt': '', 'test/a.js': "join(__dirname, '..', 'data', 'x.txt')" }, ['data/x.txt']],
  ['by its folder', { 'data/in/x.txt': '', 'test/a.js': "readdirSync('./data')" }, ['data/in/x.txt']],
  ['as a source does', { 'data/x.json': '', 'lib/sum.js': "'../data/x.json'", 'test/a.js': "'x.json'" }, []],
  ['as nobody does', { 'data/x.json': '', 'test/a.js': '' }, []],
  ['by a helper among the tests', { 'x.json': '', 'test/helper.js': "'../x.json'" }, ['x.json']],
])('data that tests name %s', async (_, files, theirs) => {
  expect(await of({ ...OFFERS, ...files })).toEqual(theirs);
});

test('helpers are what tests load and nothing does that the package offers', async () => {
  const more = {
    'tools/check.js': "require('./deep.js'); require('../lib/sum')",
    'tools/deep.js': '',
    'tools/other.js': '',
    'check/all.js': "require('../tools/check')",
  };
  expect(await of({ ...OFFERS, ...more }, ['check/all.js'])).toEqual(['tools/check.js', 'tools/deep.js']);
  expect(await of({ ...OFFERS, ...more }), 'no test is known').toEqual([]);
});

test('of a package that is built, what tests load is what they test, though it offers a file of the tree too', async () => {
  const files = {
    'package.json':
      '{"main": "./build/index.cjs", "exports": {".": [{"import": "./build/lib/index.js"}], "./browser": ["./browser.js"]}}',
    'browser.js': "import './build/lib/parser.js'",
    'lib/parser.ts': '',
    'test/a.ts': "import '../lib/parser.js'",
  };
  expect(await of(files)).toEqual([]);
});

test('where the package offers nothing that is there, what tests load is what they test', async () => {
  const files = {
    'package.json': '{"main": "dist/index.js"}',
    'src/sum.ts': '',
    'test/a.ts': "import '../src/sum.js'",
  };
  expect(await of(files)).toEqual([]);
  expect(await of({ ...files, 'package.json': '{}', 'index.ts': '' }), 'that it offers by default').toEqual([
    'src/sum.ts',
  ]);
});
