import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock, RepoName } from '@millwright/domain';
import { memoryTarget } from '@millwright/rollback/testing';
import { hashToken } from '@millwright/store';
import { pino } from 'pino';
import { z } from 'zod';
import { compose } from '../compose.ts';
import { ADMIN_TOKEN } from './scripted-factory.ts';
import { scriptedRunner } from './scripted-runner.ts';
import { shopRelease } from './shop-release.ts';

// The orchestrator and a scripted runner as a process of their own, for tests that stop or kill it. Says its address on stdout once it listens.

const {
  root,
  orchestrator: databaseUrl,
  runner: runnerUrl,
  queue,
  standby,
  factory,
  runs,
  ahead,
} = z
  .object({
    root: z.string(),
    orchestrator: z.string(),
    runner: z.string(),
    queue: z.string(),
    standby: z.boolean(),
    factory: z.string(),
    /** With a runner of its own. */
    runs: z.boolean().default(true),
    /** How far its clock is wrong. Milliseconds. */
    ahead: z.number().default(0),
  })
  .parse(JSON.parse(process.argv[2] ?? ''));

const clock: Clock = {
  now: () => Date.now() + ahead,
  sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}),
};
const target = memoryTarget(join(root, 'target.json'));
const orchestrator = await compose({
  factory,
  origin: 'millwright.local/fac_shopprocess',
  dataDir: root,
  databaseUrl,
  queueUrl: queue,
  redactorUrl: null,
  adminTokenHash: hashToken(ADMIN_TOKEN),
  proxyImage: 'none',
  pager: async () => ({ result: 'sent', reason: 'to the test' }),
  clock,
  ids: { next: (prefix) => `${prefix}_${Date.now().toString(36)}${randomBytes(6).toString('hex')}` },
  log: pino({ level: 'silent' }),
  target: { make: () => target, clock },
  standby,
  onLost: () => process.exit(3),
});
const listen = async () =>
  process.stdout.write(`${await orchestrator.app.listen({ host: '127.0.0.1', port: 0 })}\n`);
let runner: { stop(): Promise<void> } | null = null;
process.on('SIGTERM', async () => {
  await orchestrator.stop();
  await runner?.stop();
  process.exit(0);
});
if (standby) await listen();
await orchestrator.start().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
const { factory: made } = orchestrator;
if (runs)
  runner = await scriptedRunner({
    runnerUrl,
    store: made.store,
    queue: made.queue,
    clock,
    script: {
      // What the test wants changed next.
      implement: () => JSON.parse(readFileSync(join(root, 'next.json'), 'utf8')),
      release: shopRelease,
    },
    repository: () => made.repositories.open('shop' as RepoName),
  });
if (!standby) await listen();
