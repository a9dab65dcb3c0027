import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const LOADED = `
  const { createRequire } = await import('node:module');
  const { default: Docker } = await import('dockerode');
  const loaded = Object.keys(createRequire(process.cwd() + '/x').cache);
  console.log(JSON.stringify({ id: new Docker({ socketPath: '/nowhere' }).getContainer('one').id, loaded }));`;

test('a process of the factory has dockerode without gRPC and SSH in memory', async () => {
  const args = [
    '--import',
    join(import.meta.dirname, 'parent-watchdog.ts'),
    '--input-type=module',
    '-e',
    LOADED,
  ];
  const cwd = join(import.meta.dirname, '../../../..');
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd });
  const { id, loaded } = JSON.parse(stdout);
  expect(id).toBe('one');
  expect(loaded.join()).toContain('/node_modules/dockerode/');
  expect(loaded.join()).not.toMatch(/\/node_modules\/(@grpc|ssh2)\//);
});
