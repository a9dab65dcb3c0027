import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTrail, type WritableTrail } from '@millwright/audit';
import {
  type Clock,
  type Entry,
  type ReleaseId,
  type RepoName,
  retryable,
  streamOf,
} from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import {
  type OwnPostgres,
  ownPostgres,
  type TestDatabase,
  testDatabase,
  type Wire,
  wireTo,
} from '@millwright/store/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { ORCHESTRATOR } from '../streams/actor.ts';
import { Streams } from '../streams/streams.ts';
import { type Shop, shop } from '../testing/shop.ts';
import { journalIn, OfflineJournal } from './offline-journal.ts';

const SHOP = 'shop' as RepoName;
const clock: Clock = { now: () => Date.now(), sleep: (ms) => new Promise((done) => setTimeout(done, ms)) };
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
const frozen = (reason: string): Entry => ({
  type: 'target.frozen',
  data: { by: 'factory', release: null, reason, what: 'look' },
});

const streamsOn = (trail: WritableTrail) =>
  new Streams({ trail, clock, mask: (text) => text, shown: async () => undefined });

describe('the journal beside the trail', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'millwright-offline-'));
    path = journalIn(folder);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('has room before it is needed, is its owner alone to read, and is shared by two processes', () => {
    const first = OfflineJournal.open(path, clock);
    expect(statSync(path).size).toBeGreaterThan(1024 * 1024);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(first.pending()).toBe(false);
    first.write(SHOP, released(1));
    // Neither is closed: as `rollback --offline` has it beside the factory.
    const second = OfflineJournal.open(path, clock);
    second.write('moon' as RepoName, released(2));
    expect([first.pending(SHOP), second.pending(SHOP), first.pending('moon' as RepoName)]).toEqual([
      true,
      true,
      true,
    ]);
    expect(first.pending('other' as RepoName)).toBe(false);
    first.close();
    second.close();
  });

  test('killed at any moment, it has every record whose write returned', async () => {
    const program = `
      import { OfflineJournal } from ${JSON.stringify(new URL('./offline-journal.ts', import.meta.url).href)};
      const journal = OfflineJournal.open(${JSON.stringify(path)}, { now: Date.now });
      for (let n = 1; ; n += 1) {
        journal.write('shop', { type: 'target.thawed', data: { reason: 'r'.repeat(300) + n } });
        process.stdout.write(n + '\\n');
      }`;
    const child = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (part) => {
      said += part;
      if (said.split('\n').length > 40) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const acknowledged = Number(said.trim().split('\n').at(-1));
    const db = await testDatabase();
    const trail = openTrail({ url: db.url.orchestrator, clock });
    const journal = OfflineJournal.open(path, clock);
    expect(await journal.importTo(streamsOn(trail))).toBeGreaterThanOrEqual(acknowledged);
    expect(journal.pending()).toBe(false);
    const reasons = (await trail.read(streamOf.target(SHOP))).flatMap(({ entry }) =>
      entry?.type === 'target.thawed' ? [entry.data.reason.slice(300)] : [],
    );
    expect(reasons.slice(0, acknowledged)).toEqual(
      Array.from({ length: acknowledged }, (_, n) => String(n + 1)),
    );
    journal.close();
    await trail.close();
    await db.close();
  });

  test('takes no file that is not its own, and says what to do', () => {
    writeFileSync(path, 'millwright-offline 1\n'.repeat(100));
    expect(() => OfflineJournal.open(path, clock)).toThrow(/cannot be read.*move it aside/s);
  });

  test('a full disk does not stop it', () => {
    const program = `
      import { statfsSync, writeFileSync } from 'node:fs';
      import { OfflineJournal } from ${JSON.stringify(new URL('./offline-journal.ts', import.meta.url).href)};
      const journal = OfflineJournal.open('offline.db', { now: Date.now });
      const { bavail, bsize } = statfsSync('.');
      writeFileSync('full', Buffer.alloc(bavail * bsize));
      let written = 0;
      const write = (length) => {
        journal.write('shop', { type: 'target.thawed', data: { reason: 'x'.repeat(length) } });
        written += 1;
      };
      for (let n = 0; n < 300; n += 1) write(1_000);
      try {
        for (;;) write(4_000);
      } catch (error) {
        console.log(JSON.stringify({ left: statfsSync('.').bavail, written, said: error.message, pending: journal.pending() }));
      }`;
    // A small file system of its own, which goes with the process.
    const ran = spawnSync(
      'unshare',
      [
        ...['--user', '--map-root-user', '--mount', 'sh', '-ec'],
        `mount -t tmpfs -o size=4m none "$1"; cd "$1"; exec "$2" --no-warnings --input-type=module -e "$3"`,
        ...['sh', folder, process.execPath, program],
      ],
      { encoding: 'utf8' },
    );
    expect(ran.status, ran.stderr).toBe(0);
    const { left, written, said, pending } = JSON.parse(ran.stdout);
    expect({ left, pending }).toEqual({ left: 0, pending: true });
    expect(written).toBeGreaterThanOrEqual(300);
    expect(said).toMatch(/cannot be journaled in offline\.db.*full/);
  });
});

describe('its import', () => {
  let db: TestDatabase;
  let trail: WritableTrail;
  let folder: string;
  let journal: OfflineJournal;
  beforeAll(async () => {
    db = await testDatabase();
    trail = openTrail({ url: db.url.orchestrator, clock });
  });
  afterAll(async () => {
    await trail.close();
    await db.close();
  });
  let repo = SHOP;
  let n = 0;
  beforeEach(() => {
    repo = `shop${++n}` as RepoName;
    folder = mkdtempSync(join(tmpdir(), 'millwright-offline-'));
    journal = OfflineJournal.open(journalIn(folder), clock);
  });
  afterEach(() => {
    journal.close();
    rmSync(folder, { recursive: true });
  });
  const away = () => retryable('trail-unreachable', 'the answer was lost');
  /** The same trail, one append of which fails: before it, or after it was committed. */
  const failing = (when: 'before' | 'after', of: (stream: string) => boolean = () => true): WritableTrail => {
    let failed = false;
    return {
      ...trail,
      append: async (append) => {
        if (failed || !of(append.stream)) return trail.append(append);
        failed = true;
        if (when === 'after') await trail.append(append);
        throw away();
      },
    };
  };
  const on = async (stream = repo) =>
    (await trail.read(streamOf.target(stream))).flatMap(({ entry }) => (entry === null ? [] : [entry]));
  const withoutMarks = async (stream = repo) =>
    (await on(stream)).filter(({ type }) => type !== 'target.journal-imported');

  test('commits, and its answer is lost: what is written meanwhile comes too, and nothing twice', async () => {
    journal.write(repo, released(1));
    const lossy = failing('after');
    await expect(journal.importTo(streamsOn(lossy))).rejects.toThrow('the answer was lost');
    journal.write(repo, released(2));
    expect(await journal.importTo(streamsOn(lossy))).toBe(2);
    expect(await withoutMarks()).toEqual([released(1), released(2)]);
    expect(journal.pending()).toBe(false);
  });

  test('one target is imported, the next fails: each is imported once', async () => {
    const other = `${repo}-other` as RepoName;
    journal.write(repo, released(1));
    journal.write(other, released(2));
    await expect(
      journal.importTo(streamsOn(failing('before', (stream) => stream === streamOf.target(other)))),
    ).rejects.toThrow();
    expect([journal.pending(repo), journal.pending(other)]).toEqual([false, true]);
    journal.write(repo, released(3));
    expect(await journal.importTo(streamsOn(trail))).toBe(2);
    expect(await withoutMarks()).toEqual([released(1), released(3)]);
    expect(await withoutMarks(other)).toEqual([released(2)]);
  });

  test('a second freeze with the same words, and a third, are all on the trail', async () => {
    const append = { stream: streamOf.target(repo), actor: ORCHESTRATOR };
    await trail.append({
      ...append,
      expectedVersion: 0,
      entries: [frozen('nothing to go back to'), { type: 'target.thawed', data: { reason: 'mended' } }],
    });
    journal.write(repo, frozen('nothing to go back to'));
    journal.write(repo, frozen('nothing to go back to'));
    expect(await journal.importTo(streamsOn(trail))).toBe(2);
    expect((await on()).filter(({ type }) => type === 'target.frozen')).toHaveLength(3);
  });

  test('what the trail got late by itself is not brought again, its twin of another time is', async () => {
    const at = journal.stamp();
    await trail.append({
      stream: streamOf.target(repo),
      expectedVersion: 0,
      actor: ORCHESTRATOR,
      entries: [released(1)],
      at,
    });
    journal.write(repo, released(1), at);
    journal.write(repo, released(1));
    await journal.importTo(streamsOn(trail));
    expect(await withoutMarks()).toEqual([released(1), released(1)]);
  });

  test('more than an append takes comes in order, in several', async () => {
    for (let fence = 1; fence <= 250; fence += 1) journal.write(repo, released(fence));
    expect(
      await journal.importTo(streamsOn(failing('after'))).catch(() => journal.importTo(streamsOn(trail))),
    ).toBe(250);
    expect(
      (await withoutMarks()).map((entry) => entry.type === 'target.released' && entry.data.fence),
    ).toEqual(Array.from({ length: 250 }, (_, index) => index + 1));
  });
});

describe('with Postgres stopped, hanging and out of reach, one after the other in every order', () => {
  let db: OwnPostgres;
  let wire: Wire;
  let at: Shop;
  beforeAll(async () => {
    db = await ownPostgres();
    await migrateQueue(db.url.migrator);
    wire = await wireTo(db.port);
    const url = { ...db.url, orchestrator: db.tcp('orchestrator', wire.port) };
    at = await shop({ url, close: async () => undefined }, 6, { silentMs: 700 });
  });
  afterAll(async () => {
    wire?.open();
    await at?.stop();
    await wire?.close();
    await db?.close();
  });
  const OUTAGES = {
    stopped: { begin: () => db.stop('immediate'), end: () => db.restart('immediate') },
    hanging: { begin: () => db.pause(), end: () => db.resume() },
    'out of reach': { begin: () => wire.blackHole(), end: () => wire.open() },
  };
  type Outage = keyof typeof OUTAGES;
  // Each after each.
  const ORDER: Outage[] = [
    'stopped',
    'hanging',
    'out of reach',
    'hanging',
    'stopped',
    'out of reach',
    'stopped',
  ];

  test('traffic goes back while it is away, twice an outage, and who asks is told; then the trail has all of it, once, and a halt is heard', {
    timeout: 400_000,
  }, async () => {
    const ships = [
      await at.ship({ 'src/x.js': 'export const x = 2;\n' }),
      await at.ship({ 'src/x.js': 'export const x = 3;\n' }),
    ].map(({ release }) => release);
    const { deployments, views } = at.factory;
    let { fence } = views.open.target(SHOP);
    const expected: number[] = [];
    for (const [nth, name] of ORDER.entries()) {
      const outage = OUTAGES[name];
      await outage.begin();
      for (let back = 0; back < 2; back += 1) {
        const to = ships[(nth + back) % 2] as ReleaseId;
        fence += 1;
        const result = await deployments.rollback(SHOP, to, fence, `${name}, ${nth}`);
        expect(result, name).toMatchObject({ kind: 'switched', to });
        expect([...(await at.target.state()).serving]).toEqual([[to, 100]]);
      }
      const refused = await at.api('POST', '/halt', { reason: 'during' });
      expect(refused.status, name).toBe(503);
      expect(at.offlineJournal.pending(SHOP)).toBe(true);
      await outage.end();
      await vi.waitFor(() => expect(at.offlineJournal.pending(SHOP)).toBe(false), {
        timeout: 60_000,
        interval: 100,
      });
      // Trail and target agree again before the next one.
      await at.until(
        'what was imported to be seen',
        () => views.open.target(SHOP).live === ships[(nth + 1) % 2],
      );
      // Each pool of connections finds by itself that the database is back: until then who asks is told to ask again.
      const halted = await at.until('the halt to be heard', async () => {
        const answer = await at.api('POST', '/halt', { reason: 'after' });
        if (answer.status !== 200)
          expect(answer).toMatchObject({ status: 503, body: { code: 'store-unreachable' } });
        return answer.status === 200 ? answer : null;
      });
      expect(halted.body).toMatchObject({ stopped: true });
      expect((await at.api('POST', '/resume', { reason: 'after' })).status).toBe(200);
      expected.push(fence - 1, fence);
    }
    const fences = (await at.trail())
      .filter((line) => line.type === 'target.released' && line.data.by === 'rollback')
      .map(({ data }) => data.fence);
    // A rollback to what is live already says nothing new.
    expect(fences).toEqual([...new Set(fences)]);
    expect(fences.at(-1)).toBe(expected.at(-1));
  });
});
