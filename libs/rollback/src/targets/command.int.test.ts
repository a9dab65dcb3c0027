import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RepoName } from '@millwright/domain';
import { expect, test } from 'vitest';
import { deploy } from '../deploy/deploy.ts';
import { rehearse } from '../deploy/rehearse.ts';
import { commandStand } from '../testing/command-stand.ts';
import { targetContract } from '../testing/contract.ts';
import { clock, memoryJournal } from '../testing/stand.ts';
import { runCommand } from './command/run.ts';
import { isRoot, userOf } from './users.ts';

targetContract('command', commandStand);

const UID = userOf({ factory: 'f', repo: RepoName.parse('shop') }, 'command');
const user = isRoot() ? { uid: UID, gid: UID } : null;
const sh = (script: string, env: Record<string, string> = {}, timeoutMs = 60_000, input?: Uint8Array) =>
  runCommand(['sh', '-c', script], { env, user, timeoutMs, input });

test('a command has its own environment, folder and user, and none of the factory’s', async () => {
  process.env.MILLWRIGHT_TEST_KEY = 'planted';
  const ran = await sh(
    'env | cut -d= -f1 | sort | tr "\\n" " "; echo; pwd; cat; id -u',
    { TOKEN: 'x' },
    5_000,
    Buffer.from('in\n'),
  );
  delete process.env.MILLWRIGHT_TEST_KEY;
  expect(ran).toMatchObject({ kind: 'exited', code: 0 });
  const [names, folder, read, uid] = ran.kind === 'exited' ? ran.stdout.split('\n') : [];
  expect(names?.trim().split(' ')).toEqual(['HOME', 'LANG', 'PATH', 'PWD', 'TOKEN']);
  expect([folder?.startsWith(join(tmpdir(), 'mw-command-')), read]).toEqual([true, 'in']);
  if (user === null) return;
  expect(uid).toBe(String(UID));
  const private_ = await mkdtemp(join(tmpdir(), 'mw-private-'));
  try {
    await writeFile(join(private_, 'key'), 'factory key', { mode: 0o600 });
    expect(await sh(`cat ${private_}/key`)).toMatchObject({ code: 1, stdout: '' });
  } finally {
    await rm(private_, { recursive: true, force: true });
  }
});

test('a command that hangs is killed with what it started, floods are cut, and one that does not exist says so', async () => {
  const hung = await sh('sleep 60 & echo $! >&2; sleep 60', {}, 300);
  expect(hung).toMatchObject({ kind: 'broken', reason: 'sh: took more than 300 ms, and was stopped' });
  const child = Number(hung.stderr.trim());
  await expect
    .poll(async () => (await sh(`grep State /proc/${child}/status || echo gone`)).kind === 'exited')
    .toBe(true);
  expect(await sh(`[ ! -d /proc/${child} ] || grep -q 'State:.Z' /proc/${child}/status`)).toMatchObject({
    code: 0,
  });
  const flood = await sh('head -c 1000000 /dev/zero | tr "\\0" x; echo end');
  expect(flood.kind === 'exited' && [flood.stdout.length, flood.stdout.endsWith('end\n')]).toEqual([
    65_536,
    true,
  ]);
  const none = await runCommand(['/no/such/program'], { env: {}, user, timeoutMs: 1_000 });
  expect(none).toMatchObject({ kind: 'broken', reason: expect.stringContaining('ENOENT') });
});

test('a target that cannot go back, or would get two credentials, or whose command fails, is refused with the reason', async () => {
  const at = await commandStand();
  try {
    const release = await at.release('v1', { version: 'one' });
    const order = { release, live: null, fence: 1, journal: memoryJournal(), clock };
    const { rollback: _, ...commands } = at.run().config.commands ?? {
      deploy: [''],
      activate: [''],
      status: [''],
    };
    const oneWay = at.run({ commands });
    expect(await deploy(at.target, { ...order, run: oneWay })).toMatchObject({
      kind: 'failed',
      code: 'cannot_go_back',
      reason: expect.stringContaining('not deployed to unattended'),
    });
    expect(await rehearse(at.target, { ...order, run: oneWay })).toMatchObject({ possible: false });
    const two = at.run({ secrets: ['A', 'B'] }, { A: '1', B: '2' });
    expect(await deploy(at.target, { ...order, run: two })).toMatchObject({
      kind: 'failed',
      code: 'bad_config',
    });
    at.layers.set(release.layer, Buffer.from('not a tar'));
    expect(await deploy(at.target, { ...order, run: at.run() })).toMatchObject({ code: 'digest_mismatch' });
    expect((await at.target.state()).serving.size).toBe(0);
  } finally {
    await at.close();
  }
});
