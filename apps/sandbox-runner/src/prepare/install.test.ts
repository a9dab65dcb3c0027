import { RepoConfig } from '@millwright/domain';
import { decideInstall } from '@millwright/toolchains';
import { expect, test } from 'vitest';
import { parseTarget } from './proxy.ts';
import { authority } from './registry.ts';

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

test.each([
  ['registry.test:443', { host: 'registry.test', port: 443 }],
  ['REGISTRY.test:443', { host: 'registry.test', port: 443 }],
  ['[::1]:443', { host: '[::1]', port: 443 }],
  ['registry.test', null],
  ['registry.test:0', null],
  ['registry.test:70000', null],
  ['http://registry.test:443', null],
  ['user@registry.test:443', null],
  ['registry.test:443/x', null],
  ['registry.test:443\r\nHost: x', null],
  ['', null],
])('a tunnel to %j', (text, target) => {
  expect(parseTarget(text)).toEqual(target);
});

test('the port is always named', () => {
  expect(authority(new URL('https://a.test/x/'))).toBe('a.test:443');
  expect(authority(new URL('http://a.test'))).toBe('a.test:80');
  expect(authority(new URL('http://a.test:8080'))).toBe('a.test:8080');
});
