import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock, Entry, ReleaseId, RepoName } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { type OwnPostgres, ownPostgres } from '@millwright/store/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Shop, shop } from '../testing/shop.ts';
import { OfflineJournal } from './offline-journal.ts';

const SHOP = 'shop' as RepoName;
const clock: Clock = { now: () => Date.now(), sleep: async () => undefined };
const released = (fence: number, reason = 'ünïcode\nand lines'): Entry => ({
  type: 'target.released',
  data: {
    release: 'rel_aaaaaaaa' as ReleaseId,
    previous: null,
    fence,
    by: 'rollback',
    artifact: null,
    reason,
  },
});

describe('the journal beside the trail', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millwright-aside-'));
  const path = join(folder, 'offline.journal');
  afterAll(() => rmSync(folder, { recursive: true }));

  test('has its full size before it is needed, keeps what was written through a crash, and no half record', async () => {
    const first = await OfflineJournal.open(path, clock);
    expect(statSync(path).size).toBe(1024 * 1024);
    expect(first.pending()).toBe(false);
    await Promise.all([first.write(SHOP, released(1)), first.write(SHOP, released(2))]);
    // Killed: nothing is closed.
    const bytes = readFileSync(path);
    const second = await OfflineJournal.open(path, clock);
    expect(second.pending(SHOP)).toBe(true);
    expect(second.pending('other' as RepoName)).toBe(false);
    expect(statSync(path).size).toBe(1024 * 1024);
    await Promise.all([first.close(), second.close()]);
    // The power went in the middle of the second record.
    const cut = bytes.indexOf('\n', bytes.indexOf('\n') + 1) + 30;
    bytes.fill(0, cut);
    writeFileSync(path, bytes);
    const third = await OfflineJournal.open(path, clock);
    expect(third.pending(SHOP)).toBe(true);
    await third.write(SHOP, released(3));
    await third.close();
    expect(readFileSync(path, 'utf8')).toContain('"fence":1');
    expect(readFileSync(path, 'utf8')).not.toContain('"fence":2');
    expect(readFileSync(path, 'utf8')).toContain('"fence":3');
  });

  test('refuses more than it has room for, and begins anew where there is no whole header', async () => {
    truncateSync(path, 0);
    const offlineJournal = await OfflineJournal.open(path, clock);
    const large = released(1, 'x'.repeat(4_000));
    const fill = async () => {
      for (let i = 0; i < 1_000; i += 1) await offlineJournal.write(SHOP, large);
    };
    await expect(fill()).rejects.toThrow(/is full/);
    expect(statSync(path).size).toBe(1024 * 1024);
    await offlineJournal.close();
  });
});

describe('with Postgres away', () => {
  let db: OwnPostgres;
  let at: Shop;
  beforeAll(async () => {
    db = await ownPostgres();
    await migrateQueue(db.url.migrator);
    at = await shop(db);
  });
  afterAll(async () => {
    await at?.stop();
    await db?.close();
  });

  test('traffic goes back all the same, and the trail has it before anything else when it is there again', async () => {
    const [one, two] = [
      await at.ship({ 'src/x.js': 'export const x = 2;\n' }),
      await at.ship({ 'src/x.js': 'export const x = 3;\n' }),
    ];
    const fence = at.factory.world.target(SHOP).fence + 1;
    await db.stop('immediate');
    const result = await at.factory.deployments.rollback(SHOP, one.release, fence, 'by hand');
    expect(result).toMatchObject({ kind: 'switched', to: one.release, from: [two.release] });
    expect([...(await at.target.state()).serving]).toEqual([[one.release, 100]]);
    await expect(at.factory.deployments.importOfflineJournal()).rejects.toThrow();
    expect(at.offlineJournal.pending(SHOP)).toBe(true);
    // What a start after a crash would read.
    const later = await OfflineJournal.open(join(at.root, 'offline.journal'), clock);
    expect(later.pending(SHOP)).toBe(true);
    await later.close();

    await db.restart('immediate');
    await at.factory.deployments.append(SHOP, { type: 'target.thawed', data: { reason: 'anything' } });
    // The merge's revert follows by itself, now that the trail is there; whether it has begun is not looked at.
    const types = (await at.trail()).filter((line) => line.stream === 'target/shop').map((line) => line.type);
    expect(types.slice(0, types.lastIndexOf('target.thawed') + 1).slice(-5)).toEqual([
      'target.effect-started',
      'target.effect-finished',
      'target.released',
      'target.journal-imported',
      'target.thawed',
    ]);
    expect(at.live()).toBe(one.release);
    expect(at.factory.world.target(SHOP)).toMatchObject({ live: one.release, fence });
    expect(at.offlineJournal.pending()).toBe(false);
    expect(await at.factory.deployments.importOfflineJournal()).toBe(0);
  });
});
