import { RepoConfig } from '@millwright/domain';
import { expect, test } from 'vitest';
import { type Looked, setupTroubles } from './setup-troubles.ts';

const looked = (more: Partial<Omit<Looked, 'config'>> & { config?: object } = {}): Looked => ({
  paths: new Set(['package.json', 'package-lock.json']),
  manifest: JSON.stringify({ scripts: { test: 'node --test' }, dependencies: { x: '1' } }),
  secrets: new Set(),
  repo: 'shop',
  node: '24.21.0',
  ...more,
  config: RepoConfig.parse(more.config ?? {}),
});
const codes = (...args: Parameters<typeof looked>) => setupTroubles(looked(...args)).map((one) => one.code);
const deploy = { target: 'docker', start: 'x', secrets: ['A', 'B'] };

test('a repository with all that it needs has none', () => {
  expect(codes()).toEqual([]);
  expect(codes({ config: { deploy }, secrets: new Set(['A', 'B']) })).toEqual([]);
});

test.each<[string, Parameters<typeof looked>[0], string[]]>([
  ['services', { config: { services: ['redis'] } }, ['services']],
  ['each secret without a value', { config: { deploy }, secrets: new Set(['A']) }, ['missing-secret']],
  ['a pnpm lockfile', { paths: new Set(['pnpm-lock.yaml']) }, ['no-tool']],
  ['a bun lockfile', { paths: new Set(['bun.lock']) }, ['no-tool']],
  ['a yarn lockfile beside one of npm', { paths: new Set(['yarn.lock', 'package-lock.json']) }, []],
  [
    'a yarn lockfile with an install command',
    { paths: new Set(['yarn.lock']), config: { install: 'npx yarn' } },
    [],
  ],
  ['a yarn lockfile with an image', { paths: new Set(['yarn.lock']), config: { image: 'mine' } }, []],
  [
    'a lockfile and nothing to install',
    { paths: new Set(['yarn.lock']), manifest: '{"scripts":{"test":"t"}}' },
    [],
  ],
  ['another language', { manifest: null, config: { test: 'cargo test' } }, ['unknown-toolchain']],
  ['gradle in the tree', { manifest: null, config: { test: './gradlew test' } }, ['unknown-toolchain']],
  ['python, which the image has', { manifest: null, config: { test: 'python3 -m unittest' } }, []],
  ['a word that only begins so', { config: { test: 'gorilla' } }, []],
  ['no tests at all', { manifest: null, paths: new Set() }, ['no-tests']],
  ['an older Node', { manifest: '{"scripts":{"test":"t"},"engines":{"node":"<20"}}' }, ['node-version']],
  ['a Node that is there', { manifest: '{"scripts":{"test":"t"},"engines":{"node":">=18"}}' }, []],
  ['engines that are no range', { manifest: '{"scripts":{"test":"t"},"engines":{"node":"lts/*"}}' }, []],
  ['a manifest that is not JSON', { manifest: '{' }, ['no-tests']],
])('%s', (_what, given, found) => {
  expect(codes(given)).toEqual(found);
});

test('says the exact command, with the name of the repository', () => {
  const [secret] = setupTroubles(looked({ config: { deploy }, secrets: new Set(['B']) }));
  expect(secret).toMatchObject({ blocks: true, fix: expect.stringContaining('secret set A --repo shop') });
});

test('what is only likely to matter stops nothing', () => {
  for (const manifest of ['{"engines":{"node":"^16"}}', '{}'])
    expect(setupTroubles(looked({ manifest })).every((one) => !one.blocks)).toBe(true);
});
