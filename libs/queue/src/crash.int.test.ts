import { setTimeout as sleep } from 'node:timers/promises';
import { type OwnPostgres, ownPostgres } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrateQueue } from './migrate.ts';
import { openQueue } from './queue.ts';

let db: OwnPostgres;
beforeAll(async () => {
  db = await ownPostgres();
  await migrateQueue(db.url.migrator);
});
afterAll(() => db.close());

test('after Postgres crashed, wake-ups are told as lost or arrive, and soon all arrive again', async () => {
  const told: unknown[] = [];
  const onError = (error: unknown) => void told.push(error);
  const producer = openQueue({ url: db.url.orchestrator, onError });
  const consumer = openQueue({ url: db.url.runner, onError });
  const seen = new Set<string>();
  await consumer.work('attempts', 2, async (id) => void seen.add(id), onError);
  const wakeUntilSeen = async (id: string) => {
    for (let n = 0; n < 100 && !seen.has(id); n++) {
      await producer.wake('attempts', id);
      await sleep(50);
    }
    expect(seen).toContain(id);
  };
  for (let crash = 0; crash < 3; crash++) {
    await wakeUntilSeen(`before-${crash}`);
    const restarting = db.restart('immediate');
    for (let n = 0; n < 5; n++) await producer.wake('attempts', `during-${crash}`); // never throws
    await restarting;
    await wakeUntilSeen(`after-${crash}`);
  }
  expect(told.length).toBeGreaterThan(0);
  await Promise.all([producer.close(), consumer.close()]);
});
