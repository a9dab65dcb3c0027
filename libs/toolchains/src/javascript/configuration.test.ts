import { expect, test } from 'vitest';
import type { TreeFiles } from '../toolchain.ts';
import { isConfiguration, isManifest, isTest, loadedBy, mergeManifest } from './configuration.ts';

test.each([
  ...[
    'vitest.config.mjs',
    'packages/a/.mocharc.json',
    '.mocharc',
    'jest.config.js',
    '.npmrc',
    'ava.config.js',
  ],
  ...['.babelrc', 'test/mocha.opts', 'postcss.config.cjs'],
])('%s configures tests', (path) => expect(isConfiguration(path)).toBe(true));

test.each(['src/a.js', 'node_modules/a/jest.config.js', 'package.json'])('%s does not', (path) =>
  expect(isConfiguration(path)).toBe(false),
);

test('manifests are those of the tree', () => {
  expect([isManifest('package.json'), isManifest('packages/b/package.json')]).toEqual([true, true]);
  expect(isManifest('node_modules/a/package.json')).toBe(false);
});

test.each([
  ['test/a.js', true],
  ['src/a.test.ts', true],
  ['src/latest.js', false],
  ['test.js', true],
  ['lib/spec.js', false],
])('%s is a test: %s', (path, is) => expect(isTest(path)).toBe(is));

test('test configuration in package.json is the base’s, everything else the candidate’s', () => {
  const base = JSON.stringify({ version: '1', scripts: { test: 'mocha' }, mocha: { spec: 'test' } });
  const candidate = JSON.stringify({
    ...{ version: '2', scripts: { test: 'true' }, jest: { testMatch: [] }, dependencies: { a: '1' } },
  });
  expect(JSON.parse(mergeManifest(base, candidate) ?? '')).toEqual({
    ...{ version: '2', dependencies: { a: '1' } },
    ...{ scripts: { test: 'mocha' }, mocha: { spec: 'test' } },
  });
});

test('nothing to merge', () => {
  const same = JSON.stringify({ scripts: { test: 'mocha' } });
  expect(mergeManifest(same, JSON.stringify({ version: '3', ...JSON.parse(same) }))).toBeNull();
  expect(mergeManifest(same, 'not json')).toBeNull();
});

const tree = (files: Record<string, string>): TreeFiles => ({
  paths: Object.keys(files),
  read: async (path) => files[path] ?? null,
});

test.each<[string, string, Record<string, string>, Record<string, boolean>]>([
  [
    'a shell script',
    'sh scripts/test.sh',
    { 'scripts/test.sh': 'node src/a.js', 'src/a.js': '' },
    { 'scripts/test.sh': true },
  ],
  ['a preload at the root', 'mocha --require ./setup.js', { 'setup.js': '' }, { 'setup.js': true }],
  [
    'a preload among tests',
    'node --import=./test/first.mjs --test',
    { 'test/first.mjs': '' },
    { 'test/first.mjs': true },
  ],
  [
    'a source preloaded',
    'mocha -r ./src/register-it.js',
    { 'src/register-it.js': '' },
    { 'src/register-it.js': true },
  ],
  [
    'variables that may be there',
    'node --env-file-if-exists=local.env --test',
    { 'local.env': '' },
    { 'local.env': true },
  ],
  ['a source that is run', 'node src/self.js', { 'src/self.js': '' }, { 'src/self.js': false }],
  ['a test that is run', 'node test/index.js', { 'test/index.js': '' }, { 'test/index.js': false }],
  [
    'what a script loads',
    'node tools/run.js',
    { 'tools/run.js': "require('./lib/do')", 'tools/lib/do.js': '' },
    { 'tools/run.js': true, 'tools/lib/do.js': true },
  ],
  [
    'another script of the manifest',
    'npm run unit',
    { 'package.json': '{"scripts":{"unit":"sh run.sh"}}', 'run.sh': '' },
    { 'run.sh': true },
  ],
  [
    'the set-up of a configuration',
    'jest',
    { 'jest.config.js': "module.exports = { setupFiles: ['<rootDir>/test/setup.js'] }", 'test/setup.js': '' },
    { 'test/setup.js': true },
  ],
  [
    'the set-up of a manifest',
    'mocha',
    { 'package.json': '{"mocha":{"require":"./test/hooks.js"}}', 'test/hooks.js': '' },
    { 'test/hooks.js': true },
  ],
  ['nothing', 'mocha', { 'src/a.js': '' }, {}],
])('loads %s', async (_, script, files, expected) => {
  const found = await loadedBy({ script }, tree(files));
  expect(Object.fromEntries(found.map(({ path, restored }) => [path, restored]))).toEqual(expected);
});
