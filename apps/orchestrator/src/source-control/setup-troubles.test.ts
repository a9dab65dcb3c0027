import { RepoConfig } from '@millwright/domain';
import { expect, test } from 'vitest';
import { type Looked, setupTroubles } from './setup-troubles.ts';

type Given = Partial<Pick<Looked, 'elsewhere' | 'paths' | 'secrets'>> & {
  config?: object;
  manifest?: string | null;
  files?: Record<string, string>;
};
const MANIFEST = JSON.stringify({ scripts: { test: 'node --test' }, dependencies: { x: '1' } });
const looked = ({ manifest = MANIFEST, files = {}, ...more }: Given = {}): Looked => ({
  paths: new Set(['package.json', 'package-lock.json']),
  texts: new Map(Object.entries({ ...(manifest === null ? {} : { 'package.json': manifest }), ...files })),
  elsewhere: { submodules: [], lfs: [] },
  secrets: new Set(),
  repo: 'shop',
  runtime: '24.21.0',
  ...more,
  config: RepoConfig.parse(more.config ?? {}),
});
const with_ = (more: object) => JSON.stringify({ ...JSON.parse(MANIFEST), ...more });
const codes = (...args: Parameters<typeof looked>) => setupTroubles(looked(...args)).map((one) => one.code);
const deploy = { target: 'docker', start: 'x', secrets: ['A', 'B'] };

test('a repository with all that it needs has none', () => {
  expect(codes()).toEqual([]);
  expect(codes({ config: { deploy }, secrets: new Set(['A', 'B']) })).toEqual([]);
});

test.each<[string, Parameters<typeof looked>[0], string[]]>([
  ['services', { config: { services: ['redis'] } }, ['services']],
  ['submodules', { elsewhere: { submodules: ['vendor/x'], lfs: [] } }, ['submodules']],
  ['files in Git LFS', { elsewhere: { submodules: [], lfs: ['a.bin', 'b.bin'] } }, ['lfs']],
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
  [
    'a script that calls what is not there',
    { manifest: '{"scripts":{"test":"pnpm lint && vitest run"}}' },
    ['unknown-toolchain'],
  ],
  ['one behind another', { config: { test: 'npm run lint; bun test' } }, ['unknown-toolchain']],
  [
    'one that the repository brings itself',
    { manifest: '{"scripts":{"test":"pnpm lint"},"devDependencies":{"pnpm":"9"}}' },
    [],
  ],
  [
    'a script where millwright.yaml says another',
    { manifest: '{"scripts":{"test":"pnpm t"}}', config: { test: 'vitest run' } },
    [],
  ],
  ['a word that only begins so', { config: { test: 'gorilla' } }, []],
  ['no tests at all', { manifest: null, paths: new Set() }, ['no-tests']],
  ['an older Node', { manifest: '{"scripts":{"test":"t"},"engines":{"node":"<20"}}' }, ['node-version']],
  ['a Node that is there', { manifest: '{"scripts":{"test":"t"},"engines":{"node":">=18"}}' }, []],
  ['an older Node in .nvmrc', { files: { '.nvmrc': 'v18.2.0\n' } }, ['node-version']],
  ['an older Node by its name', { files: { '.nvmrc': 'lts/Iron' } }, ['node-version']],
  ['an older Node in .node-version', { files: { '.node-version': '20' } }, ['node-version']],
  [
    'an older Node in .tool-versions',
    { files: { '.tool-versions': 'ruby 3.2\nnodejs 20.1.0\n' } },
    ['node-version'],
  ],
  ['the Node that is there, pinned', { files: { '.nvmrc': '24', '.tool-versions': 'nodejs 24.0.0' } }, []],
  ['whatever Node is newest', { files: { '.nvmrc': 'lts/*', '.node-version': 'node' } }, []],
  ['an older Node with an image', { files: { '.nvmrc': '18' }, config: { image: 'mine' } }, []],
  ['an older Node of Volta', { manifest: with_({ volta: { node: '18.20.4' } }) }, ['node-version']],
  ['pnpm pinned', { manifest: with_({ packageManager: 'pnpm@9.1.0+sha512.abc' }) }, ['package-manager']],
  ['yarn of Volta', { manifest: with_({ volta: { yarn: '4.1.0' } }) }, ['package-manager']],
  ['npm pinned', { manifest: with_({ packageManager: 'npm@11.0.0' }) }, []],
  [
    'pnpm pinned, and an install command',
    { manifest: with_({ packageManager: 'pnpm@9.1.0' }), config: { install: 'npx pnpm i' } },
    [],
  ],
  [
    'pnpm pinned, and its lockfile',
    { manifest: with_({ packageManager: 'pnpm@9.1.0' }), paths: new Set(['pnpm-lock.yaml']) },
    ['no-tool'],
  ],
  ['engines that are no range', { manifest: '{"scripts":{"test":"t"},"engines":{"node":"lts/*"}}' }, []],
  ['a manifest that is not JSON', { manifest: '{' }, ['no-tests']],
])('%s', (_what, given, found) => {
  expect(codes(given)).toEqual(found);
});

test('says the exact command, with the name of the repository', () => {
  const [secret] = setupTroubles(looked({ config: { deploy }, secrets: new Set(['B']) }));
  expect(secret).toMatchObject({
    blocks: true,
    fix: { acts: [{ act: 'set-secret', name: 'A', repo: 'shop' }] },
  });
});

test('names the first of many files that are not there', () => {
  const lfs = ['a.bin', 'b.bin', 'c.bin', 'd.bin', 'e.bin'];
  const [trouble] = setupTroubles(looked({ elsewhere: { submodules: [], lfs } }));
  expect(trouble).toMatchObject({ blocks: true });
  expect(trouble?.text).toContain('(a.bin, b.bin, c.bin and 2 more)');
});

test('what is only likely to matter stops nothing', () => {
  for (const manifest of [
    ...['{"engines":{"node":"^16"}}', '{}'],
    with_({ packageManager: 'pnpm@9', volta: { node: '16.0.0' } }),
  ])
    expect(setupTroubles(looked({ manifest })).every((one) => !one.blocks)).toBe(true);
});
