import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RepoConfig, RepoName } from '@millwright/domain';
import type { Checkout } from '@millwright/sandbox';
import {
  bundleOf,
  nth,
  type TestFile,
  testSandboxes,
  within,
  withSandbox,
} from '@millwright/sandbox/testing';
import { javascript } from '@millwright/toolchains';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPrepare, type Prepare, type Prepared } from './prepare.ts';

// A registry of one package, served on loopback: what is shown is the way to it, and that there is no other.

let factory: Awaited<ReturnType<typeof testSandboxes>>;
let registry: Server;
let other: Server;
let asked: string[] = [];
let prepare: Prepare;
let url: URL;
let otherUrl: URL;

async function packageTarball(): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-package-'));
  try {
    await mkdir(join(folder, 'package'));
    const manifest = {
      name: 'left',
      version: '1.0.0',
      main: 'index.js',
      scripts: { install: 'echo ran > ran.txt' },
    };
    await writeFile(join(folder, 'package/package.json'), JSON.stringify(manifest));
    await writeFile(join(folder, 'package/index.js'), 'module.exports = "left";\n');
    execFileSync('tar', ['-czf', join(folder, 'a.tgz'), '-C', folder, 'package']);
    return await readFile(join(folder, 'a.tgz'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const listening = async (server: Server): Promise<URL> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  return new URL(`http://127.0.0.1:${address.port}/`);
};

beforeAll(async () => {
  factory = await testSandboxes();
  const tarball = await packageTarball();
  other = createServer((_, response) => response.end('reached'));
  otherUrl = await listening(other);
  registry = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (request.url === '/left/-/left-1.0.0.tgz') return response.end(tarball);
    const name = request.url === '/right' ? 'right' : 'left';
    if (request.url === '/away') return response.writeHead(302, { location: otherUrl.href }).end();
    if (request.url !== `/${name}`) return response.writeHead(404).end('{}');
    const dist = {
      tarball: new URL('/left/-/left-1.0.0.tgz', url).href,
      integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}`,
    };
    const version = {
      name,
      version: '1.0.0',
      dist,
      // Right does not go with the left that there is.
      ...(name === 'right' ? { peerDependencies: { left: '^2.0.0' } } : {}),
      hasInstallScript: true,
      scripts: { install: 'echo ran > ran.txt' },
    };
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ name, 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': version } }));
  });
  url = await listening(registry);
  prepare = createPrepare(factory.sandboxes, javascript.installing, { registry: { url, caFile: null } });
});
afterAll(async () => {
  for (const server of [registry, other]) await new Promise((resolve) => server.close(resolve));
  await factory.end();
});

async function checkoutOf(files: Record<string, TestFile>): Promise<Checkout> {
  const { bundle, trees } = await bundleOf(files);
  const result = await factory.sandboxes.checkout(bundle, nth(trees, 0));
  if (result.kind === 'refused') throw new Error(result.reason);
  return result.checkout;
}
const layerOf = (checkout: Checkout, config: Partial<RepoConfig> = {}, repo = 'shop'): Promise<Prepared> =>
  prepare.layer({
    repo: RepoName.parse(repo),
    run: 'run_1',
    attempt: 'att_1',
    checkout,
    config: RepoConfig.parse(config),
  });
const manifest = (extra: object = {}) =>
  JSON.stringify({ name: 'app', version: '1.0.0', dependencies: { left: '1.0.0' }, ...extra });

test('peers that contradict each other are left be, as npm says one can', async () => {
  const checkout = await checkoutOf({
    'package.json': manifest({ devDependencies: { right: '1.0.0' } }),
  });
  const made = await layerOf(checkout);
  expect(made).toMatchObject({ kind: 'layer', layer: { created: expect.arrayContaining(['node_modules']) } });
  expect(await layerOf(checkout)).toMatchObject({
    kind: 'layer',
    cached: true,
    layer: { compromise: expect.stringContaining('--legacy-peer-deps') },
  });
});

test('installs once a key, scripts off, and the layer changes nothing of the tree', async () => {
  asked = [];
  const checkout = await checkoutOf({ 'package.json': manifest(), 'a.js': 'x', 'lib/b.js': 'y' });
  const [first, second] = await Promise.all([layerOf(checkout), layerOf(checkout)]);
  if (first.kind !== 'layer' || second.kind !== 'layer') throw new Error(JSON.stringify(first));
  expect(first.layer).toMatchObject({ created: ['node_modules'], compromise: null });
  expect(asked).toEqual(['/left', '/left/-/left-1.0.0.tgz']);
  // Another tree with the same manifests has the same layer; another repository, or manifest, has not.
  const sibling = await checkoutOf({ 'package.json': manifest(), 'a.js': 'changed' });
  expect(await layerOf(sibling)).toMatchObject({
    kind: 'layer',
    cached: true,
    layer: { key: first.layer.key },
  });
  await withSandbox(factory.sandboxes, sibling, { deps: first.layer }, async (sandbox) => {
    const ran = await sandbox.exec(
      'node -p "require(\'left\')"; ls node_modules/left; git status --short; echo x > node_modules/left/y; echo z > z',
      within,
    );
    expect(ran).toMatchObject({ output: 'left\nindex.js\npackage.json\n' });
    expect(await sandbox.extract()).toMatchObject({ kind: 'change', paths: [{ path: 'z' }] });
  });
  expect(await layerOf(sibling, {}, 'other')).toMatchObject({ kind: 'layer', cached: false });
});

test('lifecycle scripts run only where the repository allows them', async () => {
  const checkout = await checkoutOf({ 'package.json': manifest() });
  const prepared = await layerOf(checkout, { installScripts: true });
  if (prepared.kind !== 'layer') throw new Error(JSON.stringify(prepared));
  await withSandbox(factory.sandboxes, checkout, { deps: prepared.layer }, async (sandbox) => {
    expect(await sandbox.exec('cat node_modules/left/ran.txt', within)).toMatchObject({ output: 'ran\n' });
  });
});

const EVIL = '#!/bin/sh\necho ran >> /workspace/pwned\nexit 1\n';

test.each<[string, Record<string, TestFile>]>([
  ['git, for an optional git dependency', { '.npmrc': 'git=./evil.sh\n' }],
  ['git, by a link', { '.npmrc': { link: 'settings' }, settings: 'git=./evil.sh\n' }],
  [
    'a shell and options for node',
    { '.npmrc': 'script-shell=./evil.sh\nnode-options=--require ./evil.cjs\nignore-scripts=false\n' },
  ],
])('with scripts off nothing of the tree runs: %s', async (_, files) => {
  const optionalDependencies = { sub: 'git+file:///workspace/sub.git' };
  const checkout = await checkoutOf({
    'package.json': manifest({
      optionalDependencies,
      scripts: { install: './evil.sh', prepare: './evil.sh' },
    }),
    'evil.sh': { script: EVIL },
    'evil.cjs': 'require("fs").writeFileSync("/workspace/pwned", "ran");\n',
    ...files,
  });
  const prepared = await layerOf(checkout);
  if (prepared.kind !== 'layer') throw new Error(JSON.stringify(prepared));
  expect(prepared.layer.created).toEqual(['node_modules']);
  await withSandbox(factory.sandboxes, checkout, { deps: prepared.layer }, async (sandbox) => {
    const seen = await sandbox.exec('ls node_modules; cat .npmrc; git status --short', within);
    // The tree is as it was, its own .npmrc too.
    expect(seen).toMatchObject({ output: expect.stringMatching(/^left\n[\s\S]*(git|script-shell)=/) });
    expect(seen).not.toMatchObject({ output: expect.stringContaining('pwned') });
  });
});

test('what of an .npmrc chooses versions counts', async () => {
  const checkout = await checkoutOf({
    'package.json': manifest({ dependencies: {}, devDependencies: { left: '1.0.0' } }),
    '.npmrc': 'omit=dev\ngit=./evil.sh\n',
  });
  const prepared = await layerOf(checkout, {
    install: 'npm install --no-package-lock; npm config get omit; ls node_modules; exit 4',
  });
  expect(prepared).toMatchObject({ kind: 'failed', output: expect.stringMatching(/^dev$/m) });
  expect(prepared).not.toMatchObject({ output: expect.stringMatching(/^left$/m) });
});

test('reaches the registry and nothing else, and says what it tried', async () => {
  const checkout = await checkoutOf({ 'package.json': manifest(), '.npmrc': `registry=${otherUrl.href}\n` });
  const fetching = (target: string) =>
    `require("http").get({ host: "127.0.0.1", port: 3128, path: "${target}", headers: { host: new URL("${target}").host } }, (r) => { console.log("${target}", r.statusCode); r.resume(); }).on("error", (e) => console.log(e.code))`;
  const tunnel = (target: string) =>
    `require("http").request({ host: "127.0.0.1", port: 3128, method: "CONNECT", path: "${target}" }).on("connect", (r, s) => { console.log("${target}", r.statusCode); s.destroy(); }).on("error", (e) => console.log(e.code)).end()`;
  const dial = (host: string, port: number) =>
    `require("net").connect(${port}, "${host}").on("error", (e) => console.log("${host}", e.code)).on("connect", () => console.log("${host} connected"))`;
  const script = [
    fetching(`${url.href}left`),
    fetching(`${url.href}away`),
    fetching(otherUrl.href),
    tunnel('example.com:443'),
    tunnel('169.254.169.254:80'),
    tunnel('[::1]:443'),
    tunnel(`127.0.0.1:${otherUrl.port}`),
    dial('1.1.1.1', 443),
    dial('169.254.169.254', 80),
    dial('2606:4700:4700::1111', 443),
    dial('127.0.0.1', Number(otherUrl.port)),
    'require("dns").lookup("example.com", (e) => console.log("dns", e && e.code))',
  ].join(';\n');
  const failed = await layerOf(checkout, {
    install: `npm install --no-package-lock; ls node_modules; cat > /tmp/t.js <<'END'\n${script}\nEND\nnode /tmp/t.js; ls /sys/class/net; exit 3`,
  });
  if (failed.kind !== 'failed') throw new Error(JSON.stringify(failed));
  expect(failed.code).toBe('install_failed');
  // The repository's .npmrc names another registry; the factory's is asked.
  const lines = failed.output.split('\n').sort();
  for (const line of [
    'left',
    `${url.href}left 200`,
    `${url.href}away 302`,
    `${otherUrl.href} 403`,
    'example.com:443 403',
    '169.254.169.254:80 403',
    '[::1]:443 403',
    `127.0.0.1:${otherUrl.port} 403`,
    '1.1.1.1 ENETUNREACH',
    '169.254.169.254 ENETUNREACH',
    '127.0.0.1 ECONNREFUSED',
    'dns EAI_AGAIN',
    'lo',
  ])
    expect(lines).toContain(line);
  expect(failed.output).toMatch(/^2606:4700:4700::1111 (ENETUNREACH|EADDRNOTAVAIL)$/m);
  const refused = [`127.0.0.1:${otherUrl.port}`, '169.254.169.254:80', '[::1]:443', 'example.com:443'];
  expect([...failed.refusedHosts].sort()).toEqual(refused);
  const noted = factory.events.flatMap((event) => (event.kind === 'egress_refused' ? [event.host] : []));
  expect([...new Set(noted)].sort()).toEqual(refused);
});

test('says why it could not, and keeps nothing', async () => {
  const missing = await checkoutOf({ 'package.json': JSON.stringify({ dependencies: { nosuch: '1.0.0' } }) });
  expect(await layerOf(missing)).toMatchObject({
    kind: 'failed',
    code: 'install_failed',
    output: expect.stringContaining('404'),
  });
  const yarn = await checkoutOf({ 'package.json': manifest(), 'yarn.lock': '' });
  expect(await layerOf(yarn)).toMatchObject({
    kind: 'failed',
    code: 'no_tool',
    reason: expect.stringContaining('yarn'),
  });
  const slow = createPrepare(factory.sandboxes, javascript.installing, {
    registry: { url, caFile: null },
    wallMs: 1_000,
  });
  const config = RepoConfig.parse({ install: 'sleep 100' });
  const common = { repo: RepoName.parse('shop'), run: 'run_1', attempt: 'att_1', checkout: missing };
  expect(await slow.layer({ ...common, config })).toMatchObject({ kind: 'failed', code: 'timed_out' });
  const small = createPrepare(factory.sandboxes, javascript.installing, {
    registry: { url, caFile: null },
    maxBytes: 50_000_000,
  });
  const fill = RepoConfig.parse({ install: 'head -c 400M /dev/zero > big; sleep 100' });
  expect(await small.layer({ ...common, config: fill })).toMatchObject({ kind: 'failed', code: 'disk' });
  const none = await checkoutOf({ 'main.py': 'print(1)\n' });
  expect(await layerOf(none)).toEqual({ kind: 'none' });
});

test('an installation keeps only what it made', async () => {
  const checkout = await checkoutOf({ 'package.json': '{}', 'a.js': 'x', 'lib/b.js': 'y', 'old/c.js': 'z' });
  const install =
    'echo changed > a.js; rm -r old; mkdir -p lib/vendor top; echo 1 > lib/vendor/v; echo 2 > lib/made; echo 3 > top/t; rm -rf .git';
  const prepared = await layerOf(checkout, { install });
  if (prepared.kind !== 'layer') throw new Error(JSON.stringify(prepared));
  expect([...prepared.layer.created].sort()).toEqual(['lib/made', 'lib/vendor', 'top']);
  await withSandbox(factory.sandboxes, checkout, { deps: prepared.layer }, async (sandbox) => {
    const seen = await sandbox.exec(
      'cat a.js old/c.js lib/vendor/v lib/made top/t; git status --short',
      within,
    );
    expect(seen).toMatchObject({ output: 'xz1\n2\n3\n' });
  });
});
