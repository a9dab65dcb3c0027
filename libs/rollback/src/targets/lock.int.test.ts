import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clock } from '../testing/stand.ts';
import { withLock } from './lock.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mw-lock-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Time stands still: whoever waits for the lock at all waits for ever, so that only taking it at once ends. */
const still = {
  now: () => 0,
  sleep: async () => {
    throw new Error('it waits');
  },
};

test('the lock of a killed process is taken over at once', async () => {
  const path = join(folder, 'killed');
  const program = `
    import { withLock } from '${import.meta.dirname}/lock.ts';
    await withLock(process.argv[1], { now: Date.now, sleep: async () => {} }, () => new Promise(() => { console.log('held'); setInterval(() => {}, 1000); }));
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  await expect(withLock(path, still, async () => 'mine')).rejects.toThrow('it waits');
  child.kill('SIGKILL');
  await once(child, 'close');
  // Taken away, then taken: one turn of waiting, and never another.
  const turns: number[] = [];
  const patient = { now: () => 0, sleep: async (ms: number) => void turns.push(ms) };
  expect(await withLock(path, patient, async () => 'mine')).toBe('mine');
  expect(turns.length).toBeLessThanOrEqual(1);
});

test.each([
  ['of a process that is no more', '999999999 token 1'],
  ['of a number that another process has by now', `${process.ppid} token 1`],
  ['of this very number, before this process had it', `${process.pid} token 1`],
  ['that names nobody', ''],
])('a lock %s is taken over', async (_name, holder) => {
  const path = join(folder, 'stale');
  await writeFile(path, holder);
  expect(await withLock(path, clock, async () => 'mine')).toBe('mine');
  expect(await readdir(folder)).not.toContain('stale');
});

test('however many want it, one at a time has it', async () => {
  const path = join(folder, 'wanted');
  await writeFile(path, '999999999 token 1');
  let [inside, most] = [0, 0];
  const turn = () =>
    withLock(path, clock, async () => {
      inside += 1;
      most = Math.max(most, inside);
      await clock.sleep(1);
      inside -= 1;
    });
  await Promise.all(Array.from({ length: 20 }, turn));
  expect(most).toBe(1);
});
