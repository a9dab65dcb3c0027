import { createReadStream, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { BASE } from '@millwright/api';
import { openTrail, verifyTrail } from '@millwright/audit';
import { type Clock, Digest } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { memoryTarget } from '@millwright/rollback/testing';
import { hashToken, load, migrate, ownMigrations } from '@millwright/store';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { pino } from 'pino';
import postgres from 'postgres';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { compose } from './compose.ts';
import { ADMIN_TOKEN } from './testing/scripted-factory.ts';

// A database as each earlier version left it, in `testing/snapshots`, is brought up to this version in place: then all of it is read, and its trail is
// what it was. How one is made is in CONTRIBUTING.

const SNAPSHOTS = join(import.meta.dirname, 'testing/snapshots');
const Snapshot = z.object({
  entries: z.number(),
  migrations: z.array(z.object({ name: z.string(), sha256: z.string() })),
  vkey: z.string(),
  waits: z.string(),
  gone: z.string(),
});

let db: TestDatabase;
let root: string;
beforeEach(async () => {
  db = await testDatabase();
  root = mkdtempSync(join(tmpdir(), 'millwright-upgrade-'));
});
afterEach(async () => {
  rmSync(root, { recursive: true, force: true });
  await db.close();
});

/** The database as that version left it: its own files of migrations, which are never changed, and what it wrote. */
async function asItWas(folder: string, applied: z.infer<typeof Snapshot>['migrations']): Promise<void> {
  const sql = postgres(db.url.migrator, { max: 1, onnotice: () => undefined });
  await sql`drop schema millwright cascade`;
  await sql`drop schema bullmq cascade`;
  await sql`create schema millwright`;
  await sql`create table millwright.migrations (name text primary key, sha256 text not null)`;
  for (const { name, sha256 } of applied) {
    const file = new URL(`../../../libs/store/src/migrations/${name}`, import.meta.url);
    await sql.begin(async (tx) => {
      await tx.unsafe(readFileSync(file, 'utf8'));
      await tx`insert into millwright.migrations values (${name}, ${sha256})`;
    });
  }
  await sql.end();
  await load(db.url.migrator, (table) =>
    createReadStream(join(folder, `${table}.copy.gz`)).pipe(createGunzip()),
  );
}

const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}),
};

test.each(readdirSync(SNAPSHOTS))(
  'a database of version %s is upgraded in place, read whole, and its trail is what it was',
  async (version) => {
    const folder = join(SNAPSHOTS, version);
    const snapshot = Snapshot.parse(JSON.parse(readFileSync(join(folder, 'snapshot.json'), 'utf8')));
    await asItWas(folder, snapshot.migrations);
    const passwords = { orchestrator: 'test', runner: 'test', redactor: 'test' };
    const later = ownMigrations().filter(({ name }) => !snapshot.migrations.some((one) => one.name === name));
    expect((await migrate(db.url.migrator, { passwords })).applied).toEqual(later.map(({ name }) => name));
    await migrateQueue(db.url.migrator);

    expect(await verifyTrail({ url: db.url.orchestrator, vkeys: [snapshot.vkey] })).toMatchObject({
      integrity: { kind: 'ok' },
    });
    const trail = openTrail({ url: db.url.orchestrator, clock });
    const entries = await trail.readAll(0, 10_000);
    await trail.close();
    expect(entries).toHaveLength(snapshot.entries);
    // Of an entry that this version does not understand, nothing but the envelope would be there.
    expect(entries.filter(({ entry }) => entry === null)).toEqual([]);

    const shared = join(root, 'shared');
    mkdirSync(shared);
    const orchestrator = await compose({
      ...{ factory: 'fac_upgraded', origin: 'millwright.local/fac_test', dataDir: join(root, 'data') },
      ...{ databaseUrl: db.url.orchestrator, queueUrl: db.url.orchestrator, redactorUrl: null },
      ...{ adminTokenHash: hashToken(ADMIN_TOKEN), proxyImage: 'none', clock, artifacts: shared },
      pager: async () => ({ result: 'sent', reason: 'to the test' }),
      ids: { next: (prefix) => `${prefix}_${Date.now().toString(36)}upgraded` },
      log: pino({ level: 'silent' }),
      target: { make: () => memoryTarget(), clock },
    });
    await orchestrator.start();
    const read = async (path: string) => {
      const url = BASE + path;
      const answer = await orchestrator.app.inject({
        url,
        headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
      });
      expect([path, answer.statusCode]).toEqual([path, 200]);
      return answer.json();
    };
    try {
      const tickets: { id: string; runs: string[] }[] = await read('/tickets');
      expect(tickets.map(({ id }) => id)).toContain(snapshot.waits);
      const runs = tickets.flatMap((ticket) => ticket.runs);
      expect(runs).toContain(snapshot.gone);
      for (const run of runs)
        for (const path of [`/runs/${run}`, `/runs/${run}/why`, `/runs/${run}/cost`]) await read(path);
      for (const path of ['/gates?state=all', '/people', '/budgets', '/trail?limit=1000', '/ladder'])
        await read(path);
      // Each is checked against its digest as it is read.
      const sql = postgres(db.url.postgres, { max: 1 });
      const artifacts = await sql<{ digest: Buffer }[]>`select digest from millwright.artifacts`;
      await sql.end();
      expect(artifacts.length).toBeGreaterThan(20);
      for (const { digest } of artifacts)
        await orchestrator.factory.store.artifacts.get(Digest.parse(`sha256:${digest.toString('hex')}`));
      // What is large lies in a folder from now on; what was there is read where it is.
      const large = await orchestrator.factory.store.artifacts.put(Buffer.alloc(2_000_000, 'x'));
      expect(readdirSync(shared, { recursive: true })).toContainEqual(
        expect.stringContaining(large.slice(7)),
      );
      expect(await orchestrator.factory.store.artifacts.get(large)).toHaveLength(2_000_000);
    } finally {
      await orchestrator.stop();
    }
  },
);
