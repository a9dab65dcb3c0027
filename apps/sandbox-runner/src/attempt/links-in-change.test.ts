import { javascript } from '@millwright/toolchains';
import { expect, test } from 'vitest';
import { linkAtConfiguration } from './links-in-change.ts';

const FILES: Record<string, string> = {
  'package.json': JSON.stringify({
    scripts: { test: 'sh scripts/test.sh && node --env-file-if-exists=.test-env --test' },
  }),
  'scripts/test.sh': 'node --require ./setup.js --test\n',
  'setup.js': "require('./support/hooks.js');\n",
  'support/hooks.js': '',
  'packages/a/package.json': '{}',
  'src/sum.js': '',
};
const base = { paths: Object.keys(FILES), read: async (path: string) => FILES[path] ?? null };
const found = (...links: string[]) => linkAtConfiguration(javascript, {}, base, links);

test.each([
  ...['package.json', 'packages/a/package.json', 'packages/b/package.json'],
  ...['vitest.config.ts', 'jest.config.js', '.mocharc.yml', '.npmrc', 'tsconfig.json', 'tsconfig.build.json'],
  ...['scripts/test.sh', 'setup.js', 'support/hooks.js', '.test-env'],
  // A folder of it.
  ...['scripts', 'packages', 'packages/a'],
])('%s may not be a link', async (path) => {
  expect(await found('docs/latest.md', path)).toBe(path);
});

test('any other name may', async () => {
  expect(await found()).toBeNull();
  expect(await found('src/sum.js', 'docs/latest.md', 'lib', 'node_modules/a/package.json')).toBeNull();
});
