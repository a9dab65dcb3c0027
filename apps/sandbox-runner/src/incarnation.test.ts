import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { isRunning, newIncarnation } from './incarnation.ts';

test('a name says whether its own process runs, and no name comes twice', async () => {
  const [a, b] = [await newIncarnation(), await newIncarnation()];
  expect(a).toMatch(/^[0-9a-z-]{1,64}$/);
  expect(a).not.toBe(b);
  expect(await isRunning(a)).toBe(true);
});

test('another process that got the same id is not it', async () => {
  const [, pid, start] = (await newIncarnation()).split('-');
  expect(await isRunning(`r-${pid}-${Number(start) + 1}-00ff`)).toBe(false);
});

test('a process that ended, and what is no name of ours, do not run', async () => {
  const child = spawn('sleep', ['60']);
  const { pid } = child;
  child.kill();
  await once(child, 'exit');
  expect(await isRunning(`r-${pid}-1-00ff`)).toBe(false);
  expect(await isRunning('someone-else')).toBe(false);
});
