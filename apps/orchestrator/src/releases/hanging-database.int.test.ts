import type { RepoName } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { type OwnPostgres, ownPostgres } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BAKE_MS, quickCanaries } from '../testing/paced-clock.ts';
import { type Shop, shop } from '../testing/shop.ts';

// A database that hangs (SIGSTOP, every process of it) while a canary has a share of traffic.

const SHOP = 'shop' as RepoName;
let db: OwnPostgres;
let at: Shop;
const canaries = quickCanaries();
beforeAll(async () => {
  db = await ownPostgres();
  await migrateQueue(db.url.migrator);
  at = await shop(db, 6, { silentMs: 700 }, { steps: [10, 50, 100], bake: `${BAKE_MS}ms` }, [], canaries);
});
afterAll(async () => {
  db?.resume();
  await at?.stop();
  await db?.close();
});
const serving = async () => [...(await at.target.state()).serving].filter(([, share]) => share > 0);

test('the old release has all traffic again while it hangs; once it answers, the deploy goes on to its recorded end', async () => {
  const first = await at.ship({ 'src/x.js': 'export const x = 2;\n' });
  expect(first).toMatchObject({ state: 'done' });
  canaries.held = 10;
  const ticket = await at.file({ 'src/x.js': 'export const x = 3;\n' });
  await at.until('the canary to have a share', async () => (await serving()).length === 2);
  db.pause();
  canaries.held = null;
  canaries.quicken();
  // Nothing can say that it goes to 50 %, so it does not, and nobody is left with what nobody watches.
  await at.until('traffic to be back', async () => {
    const now = await serving();
    return now.length === 1 && now[0]?.[0] === first.release && now[0]?.[1] === 100;
  });
  db.resume();
  const second = await at.ended(ticket);
  expect(second, second.reason).toMatchObject({ state: 'done' });
  expect(await serving()).toEqual([[second.release, 100]]);
  expect(at.factory.views.open.target(SHOP)).toMatchObject({ live: second.release });
  expect(at.offlineJournal.pending()).toBe(false);
  const released = (await at.trail()).filter(({ type }) => type === 'target.released');
  expect(released.map(({ data }) => data.release)).toEqual([first.release, second.release]);
});
