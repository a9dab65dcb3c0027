import { randomUUID } from 'node:crypto';
import type { Queue } from '@millwright/domain';
import { backendOf, type Consumer, type Producer } from './backend.ts';

/** A wake-up is worth this long and no more: what it would have said is found on the trail anyway. */
const WAKE_WITHIN_MS = 2_000;

const sleep = (ms: number) => new Promise<'late'>((resolve) => setTimeout(() => resolve('late'), ms).unref());

/**
 * The queue that wakes, over BullMQ on PostgreSQL or Redis. Each job has an id that none had before: one that exists would be ignored in silence, and
 * where none is given BullMQ makes a sequence for each topic on PostgreSQL, which only the schema's owner may. Jobs are
 * gone when their handler returns or throws. `wake` never throws and takes 2 s at most: what went wrong is told to
 * `onError`, and after `close` it does nothing.
 */
export function openQueue(options: { url: string; onError?: (error: unknown) => void }): Queue {
  const backend = backendOf(options.url);
  const onError = options.onError ?? (() => undefined);
  const queues = new Map<string, Producer>();
  const workers = new Set<Consumer>();
  let closed = false;

  const queueOf = (topic: string): Producer => {
    const known = queues.get(topic);
    if (known !== undefined) return known;
    const made = backend.queue(topic);
    made.on('error', onError); // without a listener, a lost connection ends the process
    queues.set(topic, made);
    return made;
  };

  return {
    wake: async (topic, id) => {
      if (closed) return; // whoever is still at work while all ends: a queue made now would never be closed
      try {
        const added = queueOf(topic).add(
          'wake',
          { id },
          { jobId: randomUUID(), attempts: 1, removeOnComplete: true, removeOnFail: true },
        );
        added.catch(() => undefined); // told once, below, or too late to tell
        if ((await Promise.race([added, sleep(WAKE_WITHIN_MS)])) === 'late')
          onError(new Error(`a wake-up of ${topic} was not taken within ${WAKE_WITHIN_MS} ms`));
      } catch (error) {
        onError(error);
      }
    },

    work: async (topic, concurrency, handler, report) => {
      const worker = backend.worker(topic, concurrency, async (job) => {
        try {
          await handler(job.data.id);
        } catch (error) {
          report(error);
        }
      });
      worker.on('error', report);
      workers.add(worker);
      await Promise.race([worker.waitUntilReady(), sleep(WAKE_WITHIN_MS)]);
      return {
        stop: async () => {
          workers.delete(worker);
          await worker.close();
        },
        pause: () => worker.pause(true),
        resume: () => worker.resume(),
      };
    },

    close: async () => {
      closed = true;
      await Promise.all([...workers].map((worker) => worker.close()));
      await Promise.all([...queues.values()].map((queue) => queue.close()));
      workers.clear();
      queues.clear();
    },
  };
}
