import { createPostgresBackend, type Processor, Queue, Worker } from 'bullmq';

type Wakeup = { id: string };

// BullMQ's classes are generic in their backend, so that a queue on PostgreSQL is no queue on Redis to the compiler: these are the
// few methods that both have.
export type Producer = Pick<Queue<Wakeup>, 'add' | 'close'> & {
  on(event: 'error', listener: (error: Error) => void): unknown;
};
export type Consumer = {
  pause(doNotWaitActive: boolean): Promise<void>;
  resume(): void;
  close(): Promise<void>;
  waitUntilReady(): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
};

/** What a queue needs of BullMQ, whichever database is behind it. */
export type Backend = {
  queue(topic: string): Producer;
  worker(topic: string, concurrency: number, run: Processor<Wakeup>): Consumer;
};

// A killed worker's job stays active until another worker's check finds its lock expired; it is then delivered once more, where it
// finds the attempt claimed or open, like any other wake-up. We need neither: it keeps the tables clean.
const WORKER = { runRetryDelay: 500, removeOnComplete: { count: 0 }, removeOnFail: { count: 0 } };
const QUEUE = { streams: { events: { maxLen: 100 } } };

/** BullMQ on PostgreSQL. Two connections a topic and side, and one that listens; opened when needed. */
function onPostgres(url: string): Backend {
  const connection = { connectionString: url, schema: 'bullmq', max: 2, connectionTimeoutMillis: 10_000 };
  return {
    queue: (topic) => new Queue(topic, { connection, ...QUEUE }, createPostgresBackend),
    worker: (topic, concurrency, run) =>
      new Worker(topic, run, { connection, concurrency, ...WORKER }, createPostgresBackend),
  };
}

/** BullMQ on Redis. A wake-up fails at once while Redis is away, instead of waiting in a list; a worker waits for it to come back. */
function onRedis(url: string): Backend {
  const prefix = 'millwright';
  const retryStrategy = (tries: number) => Math.min(tries * 100, 1_000);
  return {
    queue: (topic) =>
      new Queue(topic, {
        connection: { url, enableOfflineQueue: false, maxRetriesPerRequest: 1, retryStrategy },
        prefix,
        ...QUEUE,
      }),
    worker: (topic, concurrency, run) =>
      new Worker(topic, run, {
        connection: { url, maxRetriesPerRequest: null, retryStrategy },
        prefix,
        concurrency,
        ...WORKER,
      }),
  };
}

/** By the url's scheme: `postgres:`, `postgresql:`, `redis:` or `rediss:`. Throws a TypeError for any other. */
export function backendOf(url: string): Backend {
  const { protocol } = new URL(url);
  if (protocol === 'postgres:' || protocol === 'postgresql:') return onPostgres(url);
  if (protocol === 'redis:' || protocol === 'rediss:') return onRedis(url);
  throw new TypeError(`a queue's url begins with postgres: or redis:, not ${protocol}`);
}
