import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Queue } from '@millwright/domain';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { migrateQueue } from './migrate.ts';
import { openQueue } from './queue.ts';

// One contract, both backends, each as real as in production: PostgreSQL as the application's own two roles, and Redis.

type Service = {
  producer: string;
  consumer: string;
  /** Takes every queued job away. */ wipe(): Promise<void>;
  /** Cuts every connection. */ cut(): Promise<void>;
  close(): Promise<void>;
};

async function onPostgres(): Promise<Service> {
  const db: TestDatabase = await testDatabase();
  await migrateQueue(db.url.migrator);
  await migrateQueue(db.url.migrator);
  const run = async (url: string, text: string) => {
    const client = new pg.Client(url);
    await client.connect();
    await client.query(text);
    await client.end();
  };
  return {
    producer: db.url.orchestrator,
    consumer: db.url.runner,
    wipe: () => run(db.url.migrator, 'set search_path = bullmq; delete from job'),
    cut: () =>
      run(
        db.url.postgres,
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()`,
      ),
    close: () => db.close(),
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function onRedis(): Promise<Service> {
  const given = process.env.REDIS_URL;
  const port = await freePort();
  const own = given
    ? null
    : // Debian's redis-tools has the server under this name alone: it is what it is called.
      spawn('redis-check-rdb', ['--port', String(port), '--save', '', '--bind', '127.0.0.1'], {
        ...{ argv0: 'redis-server', stdio: 'ignore' },
      });
  const url = given ? `${given.replace(/\/\d*$/, '')}/9` : `redis://127.0.0.1:${port}`;
  const admin = new Redis(url, { maxRetriesPerRequest: 100, retryStrategy: () => 50 });
  admin.on('error', () => undefined); // until it is up
  await admin.flushdb();
  return {
    producer: url,
    consumer: url,
    wipe: async () => void (await admin.flushdb()),
    cut: async () => void (await admin.call('client', 'kill', 'type', 'normal', 'skipme', 'yes')),
    close: async () => {
      await admin.flushdb();
      await admin.quit();
      if (own !== null) {
        own.kill();
        await once(own, 'exit');
      }
    },
  };
}

describe.each([
  ['postgres', onPostgres],
  ['redis', onRedis],
] as const)('%s', (_, start) => {
  let service: Service;
  const open: Queue[] = [];
  beforeAll(async () => {
    service = await start();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((queue) => queue.close()));
  });
  afterAll(() => service.close());

  const errors: unknown[] = [];
  const pair = () => {
    errors.length = 0;
    const made = [service.producer, service.consumer].map((url) =>
      openQueue({ url, onError: (error) => errors.push(error) }),
    );
    open.push(...made);
    return made as [Queue, Queue];
  };
  const until = async (what: () => boolean, ms = 60_000) => {
    for (const end = Date.now() + ms; !what() && Date.now() < end; ) await sleep(5);
    if (!what()) throw new Error(`not within ${ms} ms; told: ${errors.map(String).join('; ')}`);
  };

  test('what is woken is handled once, by topic, whether the worker was there before or comes after', async () => {
    const [producer, consumer] = pair();
    const attempts: string[] = [];
    const runs: string[] = [];
    await producer.wake('attempts', 'before');
    await consumer.work(
      'attempts',
      1,
      async (id) => void attempts.push(id),
      (e) => errors.push(e),
    );
    await consumer.work(
      'runs',
      1,
      async (id) => void runs.push(id),
      (e) => errors.push(e),
    );
    await producer.wake('attempts', 'after');
    await producer.wake('runs', 'run');
    await until(() => attempts.length + runs.length === 3);
    await sleep(50);
    expect([attempts, runs, errors]).toEqual([['before', 'after'], ['run'], []]);
  });

  test('the same id twice is two wake-ups, also after the first is done', async () => {
    const [producer, consumer] = pair();
    const seen: string[] = [];
    await Promise.all([producer.wake('attempts', 'same'), producer.wake('attempts', 'same')]);
    await consumer.work(
      'attempts',
      2,
      async (id) => void seen.push(id),
      (e) => errors.push(e),
    );
    await until(() => seen.length === 2);
    await producer.wake('attempts', 'same');
    await until(() => seen.length === 3);
    expect(errors).toEqual([]);
  });

  test('no more than `concurrency` at once', async () => {
    const [producer, consumer] = pair();
    let now = 0;
    let most = 0;
    let done = 0;
    const handle = async () => {
      most = Math.max(most, ++now);
      await sleep(20);
      now -= 1;
      done += 1;
    };
    await consumer.work('attempts', 3, handle, (e) => errors.push(e));
    await Promise.all(Array.from({ length: 12 }, (_unused, n) => producer.wake('attempts', `c${n}`)));
    await until(() => done === 12);
    expect(most).toBe(3);
  });

  test('a handler’s error is told, the job is gone, and the next is handled', async () => {
    const [producer, consumer] = pair();
    const told: unknown[] = [];
    const seen: string[] = [];
    const handle = async (id: string) => {
      seen.push(id);
      if (id === 'bad') throw new Error('no');
    };
    await consumer.work('attempts', 1, handle, (error) => told.push(error));
    await producer.wake('attempts', 'bad');
    await producer.wake('attempts', 'good');
    await until(() => seen.length === 2 && told.length === 1);
    await sleep(50);
    expect(seen).toEqual(['bad', 'good']);
    expect(told).toEqual([new Error('no')]);
  });

  test('stop lets the handler under way end, and takes no more', async () => {
    const [producer, consumer] = pair();
    const seen: string[] = [];
    let finished = false;
    const working = await consumer.work(
      'attempts',
      1,
      async (id) => {
        seen.push(id);
        await sleep(100);
        finished = true;
      },
      (e) => errors.push(e),
    );
    await producer.wake('attempts', 'under-way');
    await until(() => seen.length === 1);
    await working.stop();
    expect(finished).toBe(true);
    await producer.wake('attempts', 'later');
    await sleep(50);
    expect(seen).toEqual(['under-way']);
    await consumer.work(
      'attempts',
      1,
      async (id) => void seen.push(id),
      (e) => errors.push(e),
    );
    await until(() => seen.length === 2);
  });

  test('a wiped queue forgets its jobs and goes on working', async () => {
    const [producer, consumer] = pair();
    const seen: string[] = [];
    await producer.wake('attempts', 'forgotten');
    await service.wipe();
    await consumer.work(
      'attempts',
      1,
      async (id) => void seen.push(id),
      (e) => errors.push(e),
    );
    await service.wipe();
    await producer.wake('attempts', 'kept');
    await until(() => seen.length === 1);
    expect(seen).toEqual(['kept']);
  });

  test('workers and producers go on by themselves after every connection was cut', async () => {
    const [producer, consumer] = pair();
    const seen: string[] = [];
    await consumer.work(
      'attempts',
      1,
      async (id) => void seen.push(id),
      (e) => errors.push(e),
    );
    await producer.wake('attempts', 'first');
    await until(() => seen.includes('first'));
    await service.cut();
    for (let n = 0; n < 100 && !seen.includes('second'); n++) {
      await producer.wake('attempts', 'second');
      await sleep(100);
    }
    expect(seen).toContain('second');
  });
});

test('a wake-up into the void ends, and is told', async () => {
  for (const url of ['redis://127.0.0.1:1', 'postgres://x:y@127.0.0.1:1/none']) {
    const told: unknown[] = [];
    const queue = openQueue({ url, onError: (error) => told.push(error) });
    await queue.wake('runs', 'lost');
    expect(told.length).toBeGreaterThan(0);
    await queue.close();
  }
});

test('another scheme is refused', () => {
  expect(() => openQueue({ url: 'http://127.0.0.1' })).toThrow(/postgres: or redis:/);
});
