import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openStore, type Store } from './store.ts';
import { type TestDatabase, testDatabase } from './testing/index.ts';

let db: TestDatabase;
let store: Store;
const runners: Store[] = [];
beforeAll(async () => {
  db = await testDatabase();
  store = openStore({ url: db.url.orchestrator });
  for (let n = 0; n < 10; n++) runners.push(openStore({ url: db.url.runner, maxConnections: 5 }));
});
afterAll(async () => {
  await Promise.all([store, ...runners].map((each) => each.close()));
  await db.close();
});

let run = '';
let n = 0;
beforeEach(() => {
  run = `run/run_${++n}`;
});
const line = async (scope: string) => (await store.budget.list()).find((each) => each.scope === scope);

test('reserved in every scope or in none; the narrowest refusal names its scope and what is left', async () => {
  await store.budget.setCap('repo/tight', 0.5);
  await store.budget.setCap(run, 10);
  expect(await store.budget.reserve('a', ['factory', 'repo/tight', run], 0.4)).toEqual({ kind: 'reserved' });
  const refused = await store.budget.reserve('b', ['factory', 'repo/tight', run], 0.2);
  expect(refused).toEqual({ kind: 'refused', scope: 'repo/tight', left: 0.1 });
  expect(await line(run)).toMatchObject({ capUsd: 10, spentUsd: 0, reservedUsd: 0.4 });
  expect(await line('factory')).toMatchObject({ capUsd: null, reservedUsd: 0.4 });
});

test('reserve and settle are idempotent; a settled key is a new call', async () => {
  for (let again = 0; again < 3; again++)
    expect(await store.budget.reserve('k', [run], 1)).toEqual({ kind: 'reserved' });
  expect(await line(run)).toMatchObject({ reservedUsd: 1, spentUsd: 0 });
  for (const usd of [0.25, 0.25, 9]) await store.budget.settle('k', usd);
  expect(await line(run)).toMatchObject({ reservedUsd: 0, spentUsd: 0.25 });
  await store.budget.reserve('k', [run], 1);
  await store.budget.settleUnknown('k');
  expect(await line(run)).toMatchObject({ reservedUsd: 0, spentUsd: 1.25 });
  await store.budget.settle('never-reserved', 5);
  expect(await line(run)).toMatchObject({ spentUsd: 1.25 });
});

test('fractions of a millionth are rounded up, sums of tenths are not', async () => {
  await store.budget.reserve('tiny', [run], 0.000_000_1);
  expect(await line(run)).toMatchObject({ reservedUsd: 0.000_001 });
  await store.budget.settle('tiny', 0.1 + 0.2);
  expect(await line(run)).toMatchObject({ spentUsd: 0.3 });
});

test('50 reservers on $1 never spend more, and what was not spent can be reserved again', async () => {
  await store.budget.setCap(run, 1);
  const work = async (w: number) => {
    const { budget } = runners[w % runners.length] ?? store;
    let spent = 0;
    for (let turn = 0; turn < 4; turn++) {
      const key = `${run}/${w}/${turn}`;
      const reserved = await budget.reserve(key, ['factory', run], 0.05);
      const seen = await line(run);
      expect((seen?.spentUsd ?? 0) + (seen?.reservedUsd ?? 0)).toBeLessThanOrEqual(1);
      if (reserved.kind === 'refused') continue;
      await budget.settle(key, 0.03);
      spent += 0.03;
    }
    return spent;
  };
  const spent = (await Promise.all(Array.from({ length: 50 }, (_, w) => work(w)))).reduce((a, b) => a + b, 0);
  const end = await line(run);
  expect(end?.reservedUsd).toBe(0);
  expect(end?.spentUsd).toBeCloseTo(spent, 6);
  expect(end?.spentUsd).toBeGreaterThan(0.9);
});

test('scopes in any order and repeated do not wait for each other for ever', async () => {
  const scopes = ['factory', 'repo/a', 'repo/b', run];
  const shuffled = (w: number) => [...scopes.slice(w % 4), ...scopes.slice(0, w % 4), 'factory'];
  const results = await Promise.all(
    Array.from({ length: 40 }, (_, w) =>
      (runners[w % 10] ?? store).budget.reserve(`${run}/${w}`, shuffled(w), 0.01),
    ),
  );
  expect(results.every((r) => r.kind === 'reserved')).toBe(true);
  expect(await line('repo/a')).toMatchObject({ reservedUsd: 0.4 });
});

test('what a dead caller reserved counts as spent after a while, once', async () => {
  await store.budget.reserve('dead', [run], 0.7);
  expect(await store.budget.settleStale(60_000)).toBe(0);
  expect(await store.budget.settleStale(0)).toBeGreaterThan(0);
  await store.budget.settle('dead', 0.1);
  expect(await line(run)).toMatchObject({ reservedUsd: 0, spentUsd: 0.7 });
});

test('only the orchestrator sets caps and lists', async () => {
  const [runner] = runners;
  await expect(runner?.budget.setCap('factory', null)).rejects.toMatchObject({ code: 'store-forbidden' });
  await expect(runner?.budget.list()).rejects.toMatchObject({ code: 'store-forbidden' });
});
