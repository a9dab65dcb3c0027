import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AnthropicClient, Breaker } from '@millwright/agents';
import { openRunnerTrail } from '@millwright/audit';
import { AttemptId, type Clock, terminal } from '@millwright/domain';
import { openQueue } from '@millwright/queue';
import { openStore } from '@millwright/store';
import { pino } from 'pino';
import { runAttempt } from './attempt/run-attempt.ts';
import type { Runner } from './attempt/runner.ts';
import { createPrepare } from './prepare/index.ts';
import { openSandboxes } from './sandbox/index.ts';
import { memoryOf } from './verify/memory.ts';

// The composition root: the only place of this app that says `new` to an adapter, and that reads the environment.

/** Attempts at once. Each is one sandbox; most of an attempt's time is spent waiting for the model. */
const CONCURRENCY = 4;
/** What a stop waits for attempts to be handed back, before they are left to whoever takes them over. Milliseconds. */
const DRAIN = 6_000;

const need = (name: string): string => {
  const value = process.env[name];
  if (!value) throw terminal('environment', `${name} is not set`);
  return value;
};

const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}),
};
const log = pino({ name: 'runner', level: process.env.MILLWRIGHT_LOG_LEVEL ?? 'info' });
const data = need('MILLWRIGHT_DATA');
await mkdir(data, { recursive: true, mode: 0o711 });

const url = need('DATABASE_URL');
const incarnation = `r-${Date.now().toString(36)}-${randomBytes(4).toString('hex')}`;
const trail = await openRunnerTrail({ url, clock, incarnation });
const store = openStore({ url });
const queue = openQueue({
  url: need('QUEUE_URL'),
  onError: (error) => log.warn({ err: error }, 'the queue has trouble'),
});
const sandboxes = await openSandboxes({
  data,
  factory: need('MILLWRIGHT_FACTORY'),
  incarnation,
  image: need('MILLWRIGHT_SANDBOX_IMAGE'),
  note: (event) => log.info(event, 'sandbox'),
});
// A runner has an engine of its own: whatever another incarnation of this factory's runner left on it is an orphan.
const reaped = await sandboxes.reap(new Set([incarnation]));
log.info({ incarnation, ...reaped }, 'the runner is ready');

const memory = join(data, 'runner', 'learned');
await mkdir(memory, { recursive: true });
const runner: Runner = {
  trail,
  artifacts: store.artifacts,
  budget: store.budget,
  queue,
  sandboxes,
  prepare: createPrepare(sandboxes),
  client: new AnthropicClient({
    apiKey: process.env.ANTHROPIC_API_KEY ?? null,
    baseUrl: process.env.ANTHROPIC_BASE_URL ?? null,
    ...(process.env.MILLWRIGHT_STALL_MS ? { stallMs: Number(process.env.MILLWRIGHT_STALL_MS) } : {}),
  }),
  breaker: new Breaker(clock),
  clock,
  memory: memoryOf(memory),
  models: process.env,
  note: (event, fields) => log.info(fields, event),
};

const stop = new AbortController();
const active = new Set<Promise<void>>();
const work = await queue.work(
  'attempts',
  Number(process.env.MILLWRIGHT_RUNNER_CONCURRENCY ?? CONCURRENCY),
  async (id) => {
    const attempt = runAttempt(runner, AttemptId.parse(id), stop.signal);
    active.add(attempt);
    await attempt.finally(() => active.delete(attempt));
  },
  (error) => log.warn({ err: error }, 'an attempt could not be worked on; it is woken again'),
);

async function end(): Promise<void> {
  if (stop.signal.aborted) return;
  stop.abort(new Error('the runner stops'));
  setTimeout(() => process.exit(0), DRAIN).unref();
  await Promise.allSettled([...active]);
  await work.stop();
  await sandboxes.close();
  await trail.close();
  await queue.close();
  await store.close();
  process.exit(0);
}
process.on('SIGTERM', () => void end());
process.on('SIGINT', () => void end());
