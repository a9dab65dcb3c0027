import { openTrail } from '@millwright/audit';
import { streamOf } from '@millwright/domain';
import { openStore } from '@millwright/store';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { recordRefusals } from './refusals.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());

test('what the database refuses the application is on the trail, once for each thing', async () => {
  const clock = { now: () => Date.now(), sleep: async () => undefined };
  const logged: unknown[] = [];
  const trail = openTrail({ url: db.url.orchestrator, clock });
  const onForbidden = recordRefusals(
    { trail, clock },
    { error: (fields: unknown) => void logged.push(fields) },
  );
  // As if the orchestrator had been given a role that may not do what it tries.
  const store = openStore({ url: db.url.runner, onForbidden });
  const wrong = openTrail({ url: db.url.runner, clock, onForbidden });
  await expect(store.people.list()).rejects.toMatchObject({ code: 'store-forbidden' });
  await expect(store.people.list()).rejects.toMatchObject({ code: 'store-forbidden' });
  await expect(wrong.head()).rejects.toMatchObject({ code: 'trail-forbidden' });
  const reasons = async () =>
    (await trail.read(streamOf.factory())).flatMap(({ entry }) =>
      entry.type === 'database.refused' ? [entry.data.reason] : [],
    );
  await expect
    .poll(reasons)
    .toEqual([
      expect.stringContaining('permission denied for table people'),
      expect.stringContaining('permission denied for table entries'),
    ]);
  expect(logged).toHaveLength(2);
  await Promise.all([trail.close(), wrong.close(), store.close()]);
});
