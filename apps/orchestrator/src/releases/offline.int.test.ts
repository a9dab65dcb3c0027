import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RepoName } from '@millwright/domain';
import { retryable } from '@millwright/domain';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type DeployingFactory, deployingFactory } from '../testing/deploying-factory.ts';
import { git } from '../testing/scripted-factory.ts';
import { keepRollbackCaches } from './rollback-cache.ts';

// The command line as on-call people have it, beside a factory whose database nobody reaches: it is given no address and no token.

const SHOP = 'shop' as RepoName;
let factory: DeployingFactory;
let data: string;
let stopKeeping: () => Promise<unknown>;
const serves: string[] = [];

beforeAll(async () => {
  factory = await deployingFactory(
    (site) => site.yaml('  secrets: [DEPLOY_TOKEN]\n  canary: { bake: 200ms, minRequests: 0 }\n'),
    { implement: ({ run }) => ({ [`${run}.md`]: '# words\n' }) },
    { healMs: 100 },
  );
  await factory.api('POST', '/repos/shop/secrets', { name: 'DEPLOY_TOKEN', value: 'a token' });
  stopKeeping = await keepRollbackCaches({
    ...factory.factory,
    listen: (listener) => factory.factory.views.listen(listener),
  });
  data = join(factory.root, 'data');
  mkdirSync(data);
  symlinkSync(factory.root, join(data, 'orchestrator'));
  writeFileSync(join(data, 'identity.json'), JSON.stringify({ factory: 'fac_test', passwords: {} }), {
    mode: 0o600,
  });
  for (const title of ['first', 'second', 'third'])
    serves.push((await factory.ended(await factory.file(title))).release);
});
afterAll(async () => {
  await stopKeeping?.();
  if (data) rmSync(data, { recursive: true });
  await factory?.stop();
});

const cli = (args: string[], env: Record<string, string> = {}) =>
  new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const main = join(import.meta.dirname, '../../../cli/src/main.ts');
    const given = { PATH: process.env.PATH, MILLWRIGHT_URL: 'http://127.0.0.1:1', ...env };
    const child = execFile(
      process.execPath,
      [main, 'rollback', ...args],
      { env: given, timeout: 120_000 },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
const offline = (args: string[], env: Record<string, string> = {}) =>
  cli(['--offline', '--data', data, ...args], env);

const PATIENT = { timeout: 120_000, interval: 200 };

test('it says what it would do and what it needs, and changes nothing until it is told to', async () => {
  const [, second, third] = serves;
  await vi.waitFor(async () => {
    const planned = await offline(['--dry-run', '--json'], { DEPLOY_TOKEN: 'a token' });
    expect(JSON.parse(planned.stdout)).toMatchObject({ from: third, to: second, done: false });
  }, PATIENT);
  const alone = await cli(['--yes']);
  expect(alone).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('./millwright rollback --offline'),
  });
  expect(await offline([])).toMatchObject({ code: 2, stderr: expect.stringContaining('wants --yes') });
  expect(await offline(['--yes'])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/values of DEPLOY_TOKEN[\s\S]*DEPLOY_TOKEN=…/),
  });
  for (const [args, said] of [
    [['rel_0000000000000000', '--yes'], 'is not one that can be gone back to'],
    [['--repo', 'nobody', '--yes'], 'there is no target nobody'],
  ] as const)
    expect(await offline([...args])).toMatchObject({ code: 1, stderr: expect.stringContaining(said) });
  expect(await cli(['--offline', '--data', '/nowhere', '--yes'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("is no factory's folder"),
  });
  expect(factory.site.read('current')).toBe(third);
});

test('while nobody can sign in the API says what goes on, and what to do', async () => {
  const { people } = factory.factory.store;
  const away = vi.spyOn(people, 'byToken').mockRejectedValue(retryable('store-unreachable', 'it is away'));
  expect(await factory.api('POST', '/rollbacks', {})).toMatchObject({
    status: 503,
    body: {
      kept: expect.stringContaining('goes on serving'),
      acts: [expect.objectContaining({ act: 'roll-back-offline' })],
    },
  });
  away.mockRestore();
});

test('traffic goes back without the database; then the trail has it, the branch follows, and nothing heals it away', async () => {
  const [, second, third] = serves as [string, string, string];
  const token = { DEPLOY_TOKEN: 'a token' };
  const done = await offline(['--yes', '--json', '--reason', 'it is three'], token);
  expect(done).toMatchObject({ code: 0 });
  expect(JSON.parse(done.stdout)).toMatchObject({ from: third, to: second, done: true });
  expect(factory.site.read('current')).toBe(second);
  // The next older one was stopped long ago, and its bytes lie in the database.
  expect(await offline(['--yes'], token)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/cannot be gone back to: .*its bytes lie in the database/),
  });
  // Nor is going forward a rollback.
  expect(await offline([third, '--yes'], token)).toMatchObject({ code: 1 });
  expect(factory.site.read('current')).toBe(second);
  const { views, deployments } = factory.factory;
  await factory.until('the journal to be taken in', async () => {
    await deployments.importOfflineJournal();
    return views.open.target(SHOP).live === second;
  });
  expect(await deployments.importOfflineJournal()).toBe(0);
  const main = () => git(factory.root, '--git-dir', factory.remote, 'log', '-1', '--format=%s', 'main');
  await factory.until('the revert', () => main().startsWith('Revert'));
  expect((await factory.api('GET', '/quarantine')).body).toMatchObject([{ release: third, by: 'rollback' }]);
  const lines = (await factory.api('GET', '/trail?limit=1000')).body as { type: string; data: object }[];
  const released = lines.filter((line) => line.type === 'target.released').at(-1);
  expect(lines.filter((line) => line.type === 'rollback.asked').map(({ data }) => data)).toContainEqual(
    expect.objectContaining({ to: second, canary: null, reason: expect.stringContaining('it is three') }),
  );
  expect(released?.data).toMatchObject({
    ...{ release: second, previous: third, by: 'rollback' },
    reason: expect.stringContaining('it is three'),
  });
  expect(views.open.target(SHOP).healed).toBe(0);
  expect(factory.site.read('current')).toBe(second);
});
