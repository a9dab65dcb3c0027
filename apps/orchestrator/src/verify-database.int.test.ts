import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openSealer, openTrail, type Sealer, type WritableTrail } from '@millwright/audit';
import { generateKey } from '@millwright/audit/proof';
import { Actor, type Clock, streamOf } from '@millwright/domain';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';

const CLI = join(import.meta.dirname, '../../cli/src/main.ts');
const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}),
};
let db: TestDatabase;
let folder: string;
let trail: WritableTrail;
let sealer: Sealer;
let key: string;

beforeAll(async () => {
  db = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'millwright-verify-'));
  trail = openTrail({ url: db.url.orchestrator, clock });
  sealer = await openSealer({
    url: db.url.orchestrator,
    keyFolder: folder,
    origin: 'factory.test/trail',
    clock,
  });
  for (let i = 0; i < 40; i += 1)
    await trail.append({
      stream: streamOf.factory(),
      expectedVersion: i,
      actor: Actor.parse('orchestrator'),
      entries: [{ type: 'factory.halted', data: { reason: `reason ${i}` } }],
    });
  await sealer.start();
  expect(await sealer.sealed(40, { timeoutMs: 60_000 })).toBe('sealed');
  key = (await sealer.vkey()) ?? '';
});
afterAll(async () => {
  await sealer?.stop();
  await trail?.close();
  await db?.close();
  await rm(folder, { recursive: true, force: true });
});

/** The command as people give it, with nothing in its environment but what is asked. */
const verify = (
  args: string[],
  database?: string,
): Promise<{ code: number; stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    const env = { PATH: process.env.PATH, ...(database === undefined ? {} : { DATABASE_URL: database }) };
    const child = execFile(
      process.execPath,
      [CLI, 'trail', 'verify', ...args],
      { env, cwd: folder },
      (_, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });

test('without a factory: where it lies, by the key of who signed it', async () => {
  const database = db.url.orchestrator;
  const whole = await verify(['--database', '--key', key], database);
  expect(whole).toMatchObject({ code: 0, stdout: expect.stringContaining('integrity: nothing was changed') });
  const json = await verify(['--database', database, '--key', key, '--json']);
  expect(JSON.parse(json.stdout)).toMatchObject({ integrity: { kind: 'ok' }, entries: 40 });
  const other = await verify(
    ['--database', '--key', generateKey('factory.test/trail', 'note').signer.vkey],
    database,
  );
  expect(other).toMatchObject({ code: 7, stdout: expect.stringContaining('integrity: untrusted') });
});

test.each([
  ['no key', ['--database'], 2, '--database needs --key'],
  ['no address', ['--database', '--key', 'KEY'], 2, 'DATABASE_URL is set'],
  ['no postgres', ['--database', 'http://x', '--key', 'KEY'], 2, 'no postgres:// address'],
  ['nobody there', ['--database', 'postgres://a@127.0.0.1:9/x', '--key', 'KEY'], 3, 'cannot be reached'],
  ['no socket there', ['--database', 'postgres://a@%2Fnone:9/x', '--key', 'KEY'], 3, 'cannot be reached'],
  ['a role that may not', ['--database', 'RUNNER', '--key', 'KEY'], 4, 'permission denied'],
])('%s', async (name, args, code, said) => {
  const given = args.map((one) => (one === 'KEY' ? key : one === 'RUNNER' ? db.url.runner : one));
  const ran = await verify(given, name === 'no key' ? db.url.orchestrator : undefined);
  expect(ran).toMatchObject({ code, stdout: '' });
  expect(ran.stderr).toContain(said);
});
