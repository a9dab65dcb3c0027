import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, terminal } from '@millwright/domain';
import { commandTarget, dockerTarget } from '@millwright/rollback';
import { z } from 'zod';
import { rollBackOffline } from './releases/offline.ts';

// `millwright rollback --offline`: a process of its own, without the database and without the orchestrator, whether that one runs or not. It
// prints one JSON document: how it went.

const need = (name: string): string => {
  const value = process.env[name];
  if (!value) throw terminal('environment', `${name} is not set`);
  return value;
};
const Asked = z.strictObject({
  repo: z.string().nullable(),
  release: z.string().nullable(),
  dryRun: z.boolean(),
  reason: z.string(),
});
const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}),
};
const data = join(need('MILLWRIGHT_DATA'), 'orchestrator');
const artifacts = {
  get: async () => {
    throw new Error('its bytes lie in the database, which is not asked');
  },
};
const place = {
  factory: need('MILLWRIGHT_FACTORY'),
  incarnation: `offline-${process.pid}`,
  dataDir: data,
  proxyImage: need('MILLWRIGHT_SANDBOX_IMAGE'),
  dockerHost: process.env.DOCKER_HOST,
};
const done = await rollBackOffline(
  {
    data,
    clock,
    env: process.env,
    who: `user ${process.getuid?.() ?? 'unknown'} of its machine`,
    target: (repo, run) =>
      run.config.target === 'command'
        ? commandTarget({ factory: place.factory, repo, dataDir: data, run, artifacts, clock })
        : dockerTarget({ ...place, repo, artifacts, clock }),
  },
  Asked.parse(JSON.parse(process.argv[2] ?? '')),
);
process.stdout.write(`${JSON.stringify(done)}\n`);
