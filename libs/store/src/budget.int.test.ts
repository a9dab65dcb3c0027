import postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openStore, type Store } from './store.ts';
import { type TestDatabase, testDatabase } from './testing/index.ts';

let db: TestDatabase;
let store: Store;
let admin: postgres.Sql;
/** The session of a runner that lives. */
let session: postgres.Sql;
const runners: Store[] = [];
beforeAll(async () => {
  db = await testDatabase();
  store = openStore({ url: db.url.orchestrator });
  for (let n = 0; n < 10; n++) runners.push(openStore({ url: db.url.runner, maxConnections: 5 }));
  admin = postgres(db.url.postgres, { max: 1 });
  session = postgres(db.url.runner, { max: 1 });
});
afterAll(async () => {
  await Promise.all([store, ...runners].map((each) => each.close()));
  await Promise.all([admin, session].map((each) => each.end()));
  await db.close();
});

let run = '';
/** The beginning of the keys of one attempt's first claim. */
let own = '';
let n = 0;
beforeEach(async () => {
  run = `run/run_${++n}`;
  await session`select millwright.runner_heartbeat('living')`;
  own = await claimed(`att_ledger0${n}`);
});
const claimed = async (attempt: string, fence = 1, incarnation = 'living') => {
  await admin`insert into millwright.claims (attempt, fence, incarnation, secret_hash)
    values (${attempt}, ${fence}, ${incarnation}, sha256(${`${attempt}/${fence}`}::bytea))`;
  return `${attempt}/${fence}`;
};
const line = async (scope: string) => (await store.budget.list()).find((each) => each.scope === scope);
const RESERVED = { kind: 'reserved' } as const;

test('reserved in every scope or in none; the narrowest refusal names its scope and what is left', async () => {
  await store.budget.setCap('repo/tight', 0.5);
  await store.budget.setCap(run, 10);
  expect(await store.budget.reserve(`${own}/a`, ['factory', 'repo/tight', run], 0.4)).toEqual(RESERVED);
  const refused = await store.budget.reserve(`${own}/b`, ['factory', 'repo/tight', run], 0.2);
  expect(refused).toEqual({ kind: 'refused', scope: 'repo/tight', left: 0.1 });
  expect(await line(run)).toMatchObject({ capUsd: 10, spentUsd: 0, reservedUsd: 0.4 });
  expect(await line('factory')).toMatchObject({ capUsd: null, reservedUsd: 0.4 });
});

test('reserve and settle are idempotent; the first settlement counts, and a settled call is no new one', async () => {
  for (let again = 0; again < 3; again++)
    expect(await store.budget.reserve(`${own}/k`, [run], 1)).toEqual(RESERVED);
  expect(await line(run)).toMatchObject({ reservedUsd: 1, spentUsd: 0 });
  for (const usd of [0.25, 0.25, 0.9]) await store.budget.settle(`${own}/k`, usd);
  expect(await line(run)).toMatchObject({ reservedUsd: 0, spentUsd: 0.25 });
  await expect(store.budget.reserve(`${own}/k`, [run], 1)).rejects.toThrow('was settled');
  await store.budget.settle(`${own}/never-reserved`, 5);
  expect(await line(run)).toMatchObject({ reservedUsd: 0, spentUsd: 0.25 });
});

test('fractions of a millionth are rounded up, sums of tenths are not', async () => {
  await store.budget.reserve(`${own}/tiny`, [run], 0.000_000_1);
  expect(await line(run)).toMatchObject({ reservedUsd: 0.000_001 });
  await store.budget.reserve(`${own}/tenths`, [run], 1);
  await store.budget.settle(`${own}/tenths`, 0.1 + 0.2);
  expect(await line(run)).toMatchObject({ spentUsd: 0.3 });
});

test('50 reservers on $1 never spend more, and what was not spent can be reserved again', async () => {
  await store.budget.setCap(run, 1);
  const work = async (w: number) => {
    const { budget } = runners[w % runners.length] ?? store;
    let spent = 0;
    for (let turn = 0; turn < 4; turn++) {
      const key = `${own}/${w}/${turn}`;
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
      (runners[w % 10] ?? store).budget.reserve(`${own}/${w}`, shuffled(w), 0.01),
    ),
  );
  expect(results.every((r) => r.kind === 'reserved')).toBe(true);
  expect(await line('repo/a')).toMatchObject({ reservedUsd: 0.4 });
});

test('eight calls at once that are billed more than they may cost: spending stays under the cap, the rest is an overrun, and nothing more is reserved', async () => {
  await store.budget.setCap(run, 0.8);
  const calls = Array.from({ length: 8 }, (_, w) => `${own}/${w}`);
  const budget = (w: number) => (runners[w] ?? store).budget;
  const reserved = await Promise.all(calls.map((key, w) => budget(w).reserve(key, [run], 0.1)));
  expect(reserved).toEqual(calls.map(() => RESERVED));
  await Promise.all(calls.map((key, w) => budget(w).settle(key, 0.3)));
  expect(await line(run)).toMatchObject({ spentUsd: 0.8, overrunUsd: 1.6, reservedUsd: 0 });
  await store.budget.setCap(run, 2.4);
  expect(await store.budget.reserve(`${own}/more`, [run], 0.01)).toMatchObject({ kind: 'refused', left: 0 });
  await store.budget.setCap(run, 2.41);
  expect(await store.budget.reserve(`${own}/more`, [run], 0.01)).toEqual(RESERVED);
});

test.each([-0.01, -1_000, Number.NaN])('a settlement of %s is refused by the database', async (usd) => {
  await store.budget.reserve(`${own}/k`, [run], 1);
  await expect(runners[0]?.budget.settle(`${own}/k`, usd)).rejects.toMatchObject({ code: 'store-failed' });
  await expect(runners[0]?.budget.reserve(`${own}/l`, [run], usd)).rejects.toMatchObject({
    code: 'store-failed',
  });
  expect(await line(run)).toMatchObject({ spentUsd: 0, reservedUsd: 1 });
});

test.each(['k', 'att_ledger01', 'att_ledger01/1', 'att_ledger01/x/k', 'run_1/1/k'])(
  'nothing is reserved as %s, whose owner nobody could find dead',
  async (key) => {
    const reserved = await store.budget.reserve(key, [run], 1).catch((error: Error) => error);
    expect(reserved).not.toEqual(RESERVED);
    expect(await line(run)).toBeUndefined();
  },
);

test('what a dead, superseded or closed claim reserved is settled at its worst case, once; a living one keeps its own', async () => {
  const closed = await claimed(`att_ledger0${n}closed`);
  const old = await claimed(`att_ledger0${n}old`);
  const dead = await claimed(`att_ledger0${n}dead`, 1, 'dead');
  const let_go = await claimed(`att_ledger0${n}let`);
  for (const key of [own, closed, old, dead, let_go])
    expect(await store.budget.reserve(`${key}/1`, [run], 0.1)).toEqual(RESERVED);
  await admin`update millwright.claims set closed = true where attempt = ${`att_ledger0${n}closed`}`;
  await admin`update millwright.claims set released = true where attempt = ${`att_ledger0${n}let`}`;
  await claimed(`att_ledger0${n}old`, 2);
  expect(await line(run)).toMatchObject({ reservedUsd: 0.5, spentUsd: 0 });
  // Earlier tests' own attempts live, but for what they left open under this session.
  expect(await store.budget.settleDead()).toBe(4);
  expect(await store.budget.settleDead()).toBe(0);
  expect(await line(run)).toMatchObject({ reservedUsd: 0.1, spentUsd: 0.4 });
  for (const key of [closed, old, dead, let_go]) await store.budget.settle(`${key}/1`, 0);
  expect(await line(run)).toMatchObject({ reservedUsd: 0.1, spentUsd: 0.4 });
});

test.each(['closed', 'released'])('a claim that is %s reserves nothing more', async (what) => {
  await admin`update millwright.claims set ${admin(what)} = true where attempt = ${`att_ledger0${n}`}`;
  expect(await store.budget.reserve(`${own}/1`, [run], 0.1)).toEqual({ kind: 'not_held' });
  await claimed(`att_ledger0${n}`, 2);
  expect(await store.budget.reserve(`${own}/1`, [run], 0.1)).toEqual({ kind: 'not_held' });
});

test('what a closed attempt was billed is the sum of its calls, the open ones at their worst case', async () => {
  const attempt = `att_ledger0${n}` as never;
  await store.budget.reserve(`${own}/1`, [run, 'factory'], 0.1);
  await store.budget.settle(`${own}/1`, 0.04);
  await store.budget.reserve(`${own}/2`, [run, 'factory'], 0.1);
  await store.budget.settle(`${own}/2`, 0.15);
  await store.budget.reserve(`${own}/3`, [run, 'factory'], 0.2);
  await expect(store.budget.billedTo(attempt)).rejects.toThrow('is open');
  await admin`update millwright.claims set closed = true where attempt = ${attempt}`;
  expect(await store.budget.billedTo(attempt)).toBe(0.39);
  const end = await line(run);
  expect((end?.spentUsd ?? 0) + (end?.overrunUsd ?? 0)).toBeCloseTo(0.39, 9);
  expect(await store.budget.billedTo('att_neverclaimed' as never)).toBe(0);
});

test('only the orchestrator sets caps, lists and sweeps', async () => {
  const [runner] = runners;
  await expect(runner?.budget.setCap('factory', null)).rejects.toMatchObject({ code: 'store-forbidden' });
  await expect(runner?.budget.list()).rejects.toMatchObject({ code: 'store-forbidden' });
  await expect(runner?.budget.settleDead()).rejects.toMatchObject({ code: 'store-forbidden' });
});
