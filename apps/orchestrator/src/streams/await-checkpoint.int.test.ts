import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Shop, shop } from '../testing/shop.ts';

// What waits for a seal, and what never does. A wait here is a minute long: whatever queued behind one would fail by itself.

const SEAL_MS = 60_000;
let db: TestDatabase;
let at: Shop;
/** From then on nothing is sealed. */
let away: boolean;
/** How often somebody began to wait for a seal that does not come. */
let waits: number;
let over: AbortController;

beforeEach(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  at = await shop(db, 6, { sealMs: SEAL_MS });
  [away, waits, over] = [false, 0, new AbortController()];
  const { sealer } = at.factory;
  at.factory.sealer = {
    ...sealer,
    sealed: (position, { timeoutMs, signal = over.signal }) => {
      if (!away) return sealer.sealed(position, { timeoutMs });
      waits += 1;
      const either = AbortSignal.any([signal, over.signal]);
      return sealer.sealed(Number.MAX_SAFE_INTEGER, { timeoutMs, signal: either });
    },
  };
});
afterEach(async () => {
  over.abort();
  await at.stop();
  await db.close();
});

const x = (n: number) => ({ 'src/x.js': `export const x = ${n};\n` });
/** The seal goes away with the first entry of this type. */
const awayWith = (type: string) =>
  at.factory.views.listen(({ entry }) => {
    away ||= entry.type === type;
  });
const waiting = () => at.until('somebody to wait for the seal', () => waits > 0);
const rollback = async () => (await at.api('POST', '/rollbacks', { repo: 'shop' })).body;

test('a deploy waits outside its lease: going back comes at once, and the deploy never goes on what was before', async () => {
  const [one, two] = [await at.ship(x(2)), await at.ship(x(3))];
  awayWith('release.rehearsed');
  const ticket = await at.file(x(4));
  await waiting();
  expect(at.live()).toBe(two.release);
  expect(await rollback()).toMatchObject({ done: true, to: one.release });
  expect(at.live()).toBe(one.release);
  const run = (await at.api('GET', `/tickets/${ticket}`)).body.runs[0];
  expect(
    (await at.trail()).filter((line) => line.stream === `run/${run}`).map(({ type }) => type),
  ).not.toContain('deploy.started');
});

test('a promotion waits in its lease, and lets go of it for whoever goes back: the canary is taken back, and what was live stays', async () => {
  const [, two] = [await at.ship(x(2)), await at.ship(x(3))];
  awayWith('deploy.started');
  const ticket = await at.file(x(4));
  await waiting();
  expect(await rollback()).toMatchObject({ done: true, to: two.release });
  expect([...(await at.target.state()).serving]).toEqual([[two.release, 100]]);
  away = false;
  const run = await at.ended(ticket);
  expect(run.state).not.toBe('done');
  expect(at.live()).toBe(two.release);
  expect([...(await at.target.state()).serving]).toEqual([[two.release, 100]]);
});
