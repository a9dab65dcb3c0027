import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BASE, type DoctorLine } from '@millwright/api';
import type { RepoName } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { hashToken } from '@millwright/store';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compose, type Orchestrator } from './compose.ts';
import { ADMIN_TOKEN } from './testing/scripted-factory.ts';
import { type Shop, shop } from './testing/shop.ts';

// A factory is copied while it works, and made again of the copy: in a Postgres of its own, and in an embedded one. What happened after the copy
// it does not know, and does not go over.

const CLI = join(import.meta.dirname, '../../cli/src/main.ts');
let db: TestDatabase;
let at: Shop;
let root: string;
/** The running factory's data folder, and a whole backup of it. */
let data: string;
let whole: string;
let keys: string;
let published: string;
let [first, second] = ['', ''];
const restored: Orchestrator[] = [];

const cli = (
  args: string[],
  database?: string,
): Promise<{ code: number | null; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    const env = { PATH: process.env.PATH, ...(database === undefined ? {} : { DATABASE_URL: database }) };
    const child = spawn(process.execPath, [CLI, ...args], { env });
    const said = { stdout: '', stderr: '' };
    child.stdout.on('data', (part) => {
      said.stdout += part;
    });
    child.stderr.on('data', (part) => {
      said.stderr += part;
    });
    child.once('close', (code) => resolve({ code, ...said }));
  });

beforeAll(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  root = mkdtempSync(join(tmpdir(), 'millwright-backup-'));
  // Else Postgres's own user cannot pass, and an embedded database would lie outside of what is thrown away.
  chmodSync(root, 0o711);
  [data, whole, keys, published] = ['data', 'whole', 'whole-keys.json', 'published'].map((one) =>
    join(root, one),
  ) as [string, string, string, string];
  at = await shop(db);
  mkdirSync(data);
  symlinkSync(at.root, join(data, 'orchestrator'));
  const roles = ['postgres', 'migrator', 'orchestrator', 'runner', 'redactor'];
  const passwords = Object.fromEntries(roles.map((role) => [role, 'test']));
  writeFileSync(join(data, 'identity.json'), JSON.stringify({ factory: 'fac_0123456789abcdef', passwords }));
  writeFileSync(join(data, 'token'), `${ADMIN_TOKEN}\n`);
  writeFileSync(join(data, 'models.json'), '{"some-model":{}}');

  first = (await at.ship({ 'src/a.js': 'export const a = 1;\n' })).release;
  const made = await cli(['backup', whole, '--keys', keys, '--data', data], db.url.migrator);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  expect(made.stdout).toContain('1 repository');
  second = (await at.ship({ 'src/b.js': 'export const b = 1;\n' })).release;
  // What others may have seen meanwhile.
  writeFileSync(published, (await at.factory.sealer.latest())?.note ?? '');
});
afterAll(async () => {
  await at?.stop();
  await db?.close();
  rmSync(root, { recursive: true, force: true });
});

/** What a restored factory is, started as it is with `publish`. */
async function started(folder: string, on: TestDatabase): Promise<Orchestrator> {
  const orchestrator = await compose({
    factory: 'fac_0123456789abcdef',
    origin: 'millwright.local/fac_test',
    dataDir: join(folder, 'orchestrator'),
    databaseUrl: on.url.orchestrator,
    queueUrl: on.url.orchestrator,
    redactorUrl: null,
    adminTokenHash: hashToken(ADMIN_TOKEN),
    proxyImage: 'none',
    publish: { file: published, repo: null, branch: '', everyMs: 10 },
    pager: { url: undefined },
    clock: { now: () => Date.now(), sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}) },
    ids: { next: (prefix) => `${prefix}_${Date.now().toString(36)}restored` },
    log: pino({ level: 'silent' }),
    target: { make: () => at.target, clock: { now: () => Date.now(), sleep: (ms) => sleep(ms) } },
  });
  restored.push(orchestrator);
  await orchestrator.start();
  return orchestrator;
}

test('what was copied while it ran is whole, and its keys are apart', async () => {
  expect(statSync(keys).mode & 0o777).toBe(0o600);
  expect(readdirSync(whole).sort()).toEqual(['database', 'manifest.json', 'models.json', 'repos']);
  expect(readdirSync(join(whole, 'repos'))).toEqual(['shop.bundle']);
  const kept = JSON.parse(readFileSync(keys, 'utf8'));
  const inside = readdirSync(whole, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  for (const file of inside)
    for (const secret of [kept.token, kept.signer.trim(), kept.secrets])
      expect(readFileSync(join(file.parentPath, file.name)).includes(secret)).toBe(false);
  const again = await cli(['backup', whole, '--data', data], db.url.migrator);
  expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('is there already') });
});

test('restored, it says so, is halted, leaves a target alone that runs what it never released, and seals nothing behind what was published', async () => {
  const on = await testDatabase();
  try {
    const folder = join(root, 'restored');
    const refused = await cli(['restore', whole, '--keys', keys, '--data', folder], db.url.migrator);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('holds a factory of') });
    const done = await cli(['restore', whole, '--keys', keys, '--data', folder, '--json'], on.url.migrator);
    expect(done).toMatchObject({ code: 0, stderr: '' });
    const { entries } = JSON.parse(done.stdout);
    expect(readFileSync(join(folder, 'models.json'), 'utf8')).toBe('{"some-model":{}}');

    const orchestrator = await started(folder, on);
    const api = async (path: string) =>
      (
        await orchestrator.app.inject({
          url: BASE + path,
          headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
        })
      ).json();
    const trail = (await api(`/trail?since=${entries}&limit=100`)) as { type: string; position: number }[];
    expect(trail.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['factory.restored', 'factory.halted', 'target.frozen']),
    );
    expect(trail[0]).toMatchObject({ type: 'factory.restored', position: entries + 1 });
    expect(existsSync(join(folder, 'orchestrator/restored.json'))).toBe(false);
    const { forward } = orchestrator.factory;
    const target = await forward.target('shop' as RepoName);
    expect(target).toMatchObject({
      live: first,
      frozen: { reason: expect.stringContaining(`${second} runs on it, which this trail never released`) },
    });
    expect((await api('/releases?repo=shop')).map(({ id }: { id: string }) => id)).toEqual([first]);

    // It finds out when it first would seal.
    let lines: DoctorLine[] = [];
    const line = (id: string) => lines.find((one) => one.id === id);
    const sealing = async () => {
      lines = await api('/doctor');
      return line('seal')?.ok;
    };
    await expect.poll(sealing, { timeout: 120_000 }).toBe(false);
    expect(line('halt')).toMatchObject({
      ok: false,
      text: expect.stringContaining('restored from a backup'),
    });
    expect(line('seal')).toMatchObject({
      ok: false,
      text: expect.stringContaining('an older backup was restored. To go on knowingly'),
    });
    expect(readFileSync(published, 'utf8')).toContain('millwright.local/fac_test');
    for (const one of restored.splice(0)) await one.stop();

    // Knowingly: without what was published, it goes on from where it was copied, and says nothing twice.
    renameSync(published, `${published}.old`);
    const again = await started(folder, on);
    expect(await again.factory.sealer.sealed(entries + 1, { timeoutMs: 60_000 })).toBe('sealed');
    const types = (await again.factory.trail.readAll(entries, 100)).map(({ entry }) => entry.type);
    expect(types.filter((type) => type === 'factory.restored')).toHaveLength(1);
  } finally {
    for (const one of restored.splice(0)) await one.stop();
    await on.close();
  }
});

test('into an embedded Postgres, and copied from there, it is the same to the byte; over it nothing is restored', async () => {
  const folder = join(root, 'embedded');
  const done = await cli(['restore', whole, '--keys', keys, '--data', folder]);
  expect(done).toMatchObject({ code: 0, stderr: '' });
  expect(done.stdout).toContain('It will start halted');
  expect(existsSync(join(folder, 'up.json'))).toBe(false);
  const over = await cli(['restore', whole, '--keys', keys, '--data', folder]);
  expect(over).toMatchObject({ code: 1, stdout: '' });
  expect(over.stderr).toContain('is not empty');
  const copy = join(root, 'copy');
  expect(await cli(['backup', copy, '--data', folder])).toMatchObject({ code: 0, stderr: '' });
  const of = (one: string) => JSON.parse(readFileSync(join(one, 'manifest.json'), 'utf8'));
  const tables = (one: string) =>
    Object.fromEntries(
      of(one)
        .files.filter(({ path }: { path: string }) => path.startsWith('database/'))
        .map(({ path, sha256 }: { path: string; sha256: string }) => [path, sha256]),
    );
  expect(Object.keys(tables(copy))).toEqual(
    expect.arrayContaining([
      'database/entries.copy.gz',
      'database/artifact_chunks.copy.gz',
      'database/claims.copy.gz',
    ]),
  );
  expect(tables(copy)).toEqual(tables(whole));
  expect(of(copy).checkpoint).toEqual(of(whole).checkpoint);
  expect(JSON.parse(readFileSync(join(copy, 'keys.json'), 'utf8'))).toEqual(
    JSON.parse(readFileSync(keys, 'utf8')),
  );
});

test('of another version, or of no factory, or with its database away, it is refused and leaves nothing', async () => {
  const folder = join(root, 'other');
  cpSync(whole, folder, { recursive: true });
  const file = join(folder, 'manifest.json');
  const migrations = [{ name: '0099-other.sql', sha256: '0'.repeat(64) }];
  const manifest = { ...JSON.parse(readFileSync(file, 'utf8')), millwright: '0.9.0', migrations };
  writeFileSync(file, JSON.stringify(manifest));
  const to = join(root, 'nothing');
  const ran = await cli(['restore', folder, '--keys', keys, '--data', to]);
  expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('Millwright 0.9.0 on another form') });
  expect(existsSync(to)).toBe(false);
  const none = await cli(['backup', to, '--data', join(root, 'nowhere')]);
  expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('is no factory') });
  const away = await cli(['backup', to, '--data', data], 'postgres://migrator:test@127.0.0.1:9/x');
  expect(away).toMatchObject({ code: 3, stderr: expect.stringContaining('cannot be reached') });
  for (const left of [to, `${to}.part`]) expect(existsSync(left)).toBe(false);
});
