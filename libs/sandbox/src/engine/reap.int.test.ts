import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleOf, nth } from '../testing/bundle.ts';
import { testSandboxes } from '../testing/factory.ts';
import { within, withSandbox } from '../testing/sandbox.ts';
import { mountUpper } from '../workspace/overlay.ts';
import { DEFAULT_LIMITS } from './limits.ts';

let factory: Awaited<ReturnType<typeof testSandboxes>>;
beforeAll(async () => {
  factory = await testSandboxes();
});
afterAll(() => factory.end());

test('what a killed runner left is removed, what a living one holds is not', async () => {
  const { sandboxes, data, factory: name } = factory;
  const { bundle, trees } = await bundleOf({ 'README.md': '# A\n' });
  const tree = nth(trees, 0);
  await writeFile(join(data, 'bundle'), bundle);
  const program = join(import.meta.dirname, '../testing/runner-to-kill.ts');
  const runner = spawn(process.execPath, [program, data, name, `${name}-b`, join(data, 'bundle'), tree], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = await once(runner.stdout, 'data');
  const orphan = String(said).trim();
  const engine = sandboxes.engine.docker;
  expect((await engine.getContainer(orphan).inspect()).State.Running).toBe(true);
  runner.kill('SIGKILL');
  await once(runner, 'exit');

  const mine = await sandboxes.checkout(bundle, tree);
  if (mine.kind === 'refused') throw new Error(mine.reason);
  await withSandbox(sandboxes, mine.checkout, {}, async (sandbox) => {
    // A runner that still lives is not touched, even when it is another process.
    expect(await sandboxes.reap(new Set([`${name}-b`]))).toEqual({ containers: 0, volumes: 0, mounts: 0 });
    expect(await sandboxes.reap(new Set())).toEqual({ containers: 1, volumes: 1, mounts: 1 });
    expect(await sandbox.exec('echo alive', within)).toMatchObject({ output: 'alive\n' });
  });
  await expect(engine.getContainer(orphan).inspect()).rejects.toMatchObject({ statusCode: 404 });
  const label = [`millwright.factory=${name}`];
  expect(await engine.listContainers({ all: true, filters: { label } })).toEqual([]);
  expect((await engine.listVolumes({ filters: { label } })).Volumes ?? []).toEqual([]);
  expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(join(data, 'runner'));
  expect(await readdir(join(data, 'runner/mounts'))).toEqual([`${name}-a`]);
  expect(await readdir(join(data, 'runner/scratch'))).toEqual([`${name}-a`]);
  expect(factory.events.filter((event) => event.kind === 'cleanup_failed')).toEqual([]);
});

test('what a living runner could not remove of an attempt that is over goes too; what it is at work on stays', async () => {
  const { sandboxes, factory: name } = factory;
  const { docker } = sandboxes.engine;
  const make = async (attempt: string) => {
    const Labels = sandboxes.engine.labels({ run: 'run_1', attempt, purpose: 'verify' });
    const volume = await docker.createVolume({ Name: `${name}-${attempt}`, Labels });
    await mountUpper(join(sandboxes.engine.folders.mounts, `${attempt}.${name}`), DEFAULT_LIMITS);
    const Image = sandboxes.engine.image;
    await docker.createContainer({ name: `${name}-${attempt}`, Image, Labels, Cmd: ['true'] });
    return volume.name;
  };
  const left = async () => {
    const filters = { label: [`millwright.factory=${name}`] };
    const containers = await docker.listContainers({ all: true, filters });
    const { Volumes } = await docker.listVolumes({ filters });
    const mounts = await readdir(sandboxes.engine.folders.mounts);
    return [
      containers.map(({ Names }) => Names[0]?.slice(1)),
      (Volumes ?? []).map(({ Name }) => Name),
      mounts.filter((mount) => mount.endsWith(`.${name}`)).map((mount) => `${name}-${mount.split('.')[0]}`),
    ];
  };
  const [over, held] = [await make('att_over'), await make('att_held')];
  const attempts = new Set(['att_held']);
  // Young, it may be that its removal is only under way.
  expect(await sandboxes.reap(new Set(), { attempts })).toEqual({ containers: 0, volumes: 0, mounts: 0 });
  expect((await left())[0]?.sort()).toEqual([held, over]);
  const now = { attempts, olderThanMs: -1_000 };
  expect(await sandboxes.reap(new Set(), now)).toEqual({ containers: 1, volumes: 1, mounts: 1 });
  expect(await left()).toEqual([[held], [held], [held]]);
  expect(await sandboxes.reap(new Set(), { ...now, attempts: new Set() })).toMatchObject({ containers: 1 });
  expect(await left()).toEqual([[], [], []]);
});

test('what is removed behind its caller runs no more when the caller goes on, and is gone once the sandboxes are closed', async () => {
  const own = await testSandboxes({ cleanUp: 'behind' });
  const { bundle, trees } = await bundleOf({ 'README.md': '# A\n' });
  const made = await own.sandboxes.checkout(bundle, nth(trees, 0));
  if (made.kind === 'refused') throw new Error(made.reason);
  await withSandbox(own.sandboxes, made.checkout, {}, async (sandbox) => {
    await sandbox.exec('echo x > made', within);
    expect(await sandbox.extract()).toMatchObject({ kind: 'change' });
  });
  const { docker } = own.sandboxes.engine;
  const label = [`millwright.factory=${own.factory}`];
  expect(await docker.listContainers({ filters: { label } })).toEqual([]);
  await own.end();
  expect(await docker.listContainers({ all: true, filters: { label } })).toEqual([]);
  expect((await docker.listVolumes({ filters: { label } })).Volumes ?? []).toEqual([]);
  expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(own.data);
  expect(own.events).toEqual([]);
});
