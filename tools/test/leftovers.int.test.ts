import { spawn } from 'node:child_process';
import { once } from 'node:events';
import Docker from 'dockerode';
import { afterAll, expect, it } from 'vitest';
import { deadTests, sweepTests } from './leftovers.ts';

const engine = new Docker();
const made: string[] = [];
const volume = async (factory: string) => {
  const { name } = await engine.createVolume({ Labels: { millwright: '1', 'millwright.factory': factory } });
  made.push(name);
  return name;
};
const names = async () => ((await engine.listVolumes()).Volumes ?? []).map(({ Name }) => Name);
afterAll(async () => {
  for (const name of made) if ((await names()).includes(name)) await engine.getVolume(name).remove();
});

it('knows a test by the process in its name, and nobody else', () => {
  const factories = [
    'test-7',
    'test-main-7',
    'test-7-verify-jest',
    'fac_test7x0a1b',
    'test-8',
    'fac_7abc',
    'fac_demo7',
    'mine',
    'test-x',
  ];
  expect(deadTests(factories, (pid) => pid === 8)).toEqual([
    'test-7',
    'test-main-7',
    'test-7-verify-jest',
    'fac_test7x0a1b',
  ]);
});

it('removes what a test left that is gone, and leaves what a living one holds', async () => {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  const [dead, mine, real] = [
    await volume(`test-${child.pid}-verify`),
    await volume(`test-${process.pid}`),
    await volume(`fac_${child.pid}real`),
  ];
  expect(await sweepTests()).toContain(`test-${child.pid}-verify`);
  const left = await names();
  expect(left).not.toContain(dead);
  expect(left).toEqual(expect.arrayContaining([mine, real]));
});
