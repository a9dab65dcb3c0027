import { RepoConfig } from '@millwright/domain';
import { expect, test } from 'vitest';
import { decideInstall, installing } from './install.ts';

const decide = (paths: string[], manifest: string | null, config: object = {}) =>
  decideInstall(RepoConfig.parse(config), new Set(paths), manifest);
const DEPS = '{"dependencies":{"a":"1"}}';

test.each([
  [[], null, {}, { kind: 'none' }],
  [['package.json'], '{"name":"x"}', {}, { kind: 'none' }],
  [['package.json'], '{"dependencies":{}}', {}, { kind: 'none' }],
  [['package.json'], '{', {}, { kind: 'failed', code: 'bad_manifest' }],
  [['package.json'], '[]', {}, { kind: 'failed', code: 'bad_manifest' }],
  [[], null, { services: ['redis'] }, { kind: 'failed', code: 'services_unsupported' }],
  [
    ['package.json'],
    DEPS,
    {},
    { command: 'npm install --no-package-lock --ignore-scripts', wholeTree: false },
  ],
  [['package-lock.json'], DEPS, {}, { command: 'npm ci --ignore-scripts', wholeTree: false, scripts: false }],
  [['npm-shrinkwrap.json', 'yarn.lock'], DEPS, {}, { command: 'npm ci --ignore-scripts' }],
  [['package-lock.json', '.npmrc'], DEPS, {}, { command: 'npm ci --ignore-scripts', wholeTree: true }],
  [
    ['package-lock.json'],
    DEPS,
    { installScripts: true },
    { command: 'npm ci', scripts: true, wholeTree: true },
  ],
  [['package.json'], '{}', { installScripts: true }, { command: 'npm install --no-package-lock' }],
  [['yarn.lock'], DEPS, {}, { command: 'yarn install --frozen-lockfile --ignore-scripts', tool: 'yarn' }],
  [
    ['pnpm-lock.yaml'],
    DEPS,
    {},
    { command: 'pnpm install --frozen-lockfile --ignore-scripts --ignore-pnpmfile', tool: 'pnpm' },
  ],
  [[], null, { install: 'make deps' }, { command: 'make deps', tool: null, wholeTree: true }],
  [[], DEPS, { install: 'npm ci' }, { command: 'npm ci', wholeTree: false, scripts: false }],
  [[], DEPS, { install: 'npm ci --omit=dev' }, { wholeTree: false }],
  [[], DEPS, { install: 'npm ci && make' }, { wholeTree: true }],
  [[], DEPS, { install: 'npm ci', installScripts: true }, { wholeTree: true }],
] as const)('%j %s %j', (paths, manifest, config, expected) => {
  expect(decide([...paths], manifest, config)).toMatchObject(expected);
});

test('an installation that npm refuses for its peers is done once more without heeding them, and says so', () => {
  const plan = decide(['package-lock.json'], DEPS);
  if (plan.kind !== 'install') throw new Error(plan.kind);
  const refused = 'npm error code ERESOLVE\nnpm error ERESOLVE unable to resolve dependency tree';
  expect(installing.otherwise(plan, refused)).toMatchObject({
    command: 'npm ci --ignore-scripts --legacy-peer-deps',
    compromise: expect.stringContaining('peers at odds'),
  });
  expect(installing.otherwise(plan, 'npm error code E404')).toBeNull();
  expect(installing.otherwise({ ...plan, tool: 'yarn' }, refused)).toBeNull();
});

test.each([
  ['registry=https://r.test/npm/\ncafile=/ca.crt\n', 'https://r.test/npm/', ['/ca.crt', '/extra.crt']],
  ['registry=http://r.test/\ncafile=null\n', 'http://r.test/', ['/extra.crt']],
])('what npm says of its registry is read: %j', (answer, url, caFiles) => {
  const read = installing.registry.read(answer, { NODE_EXTRA_CA_CERTS: '/extra.crt' });
  expect(read).toEqual({ url: new URL(url), caFiles });
  expect(() => installing.registry.read('registry=file:///x\n', {})).toThrow('no registry');
});
