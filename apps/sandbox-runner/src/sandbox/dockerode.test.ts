import { createRequire } from 'node:module';
import { expect, test } from 'vitest';

test('the engine is spoken to without gRPC and SSH in memory', async () => {
  const { Docker } = await import('./dockerode.ts');
  expect(new Docker({ socketPath: '/nowhere' }).getContainer('one').id).toBe('one');
  const loaded = Object.keys(createRequire(import.meta.url).cache).join('\n');
  expect(loaded).toContain('/node_modules/dockerode/');
  expect(loaded).not.toMatch(/\/node_modules\/(@grpc|ssh2)\//);
});
