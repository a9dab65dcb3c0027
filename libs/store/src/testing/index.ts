import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { cluster, TEMPLATE } from './cluster.ts';
import { type Role, urlOf } from './server.ts';

export { placesOf } from './search.ts';
export { type OwnPostgres, ownPostgres } from './server.ts';
export { type Wire, wireTo } from './wire.ts';

export type TestDatabase = {
  /** A url for each role; `postgres` is the superuser. */
  url: Record<Role, string>;
  /** Drops the database. Fails when a connection to it was left open: a leak in what was tested. */
  close(): Promise<void>;
};

/**
 * A fresh, migrated database on this run's Postgres, cloned from one template (about 40 ms). Without the queue's tables: call
 * `migrateQueue(db.url.migrator)` where a test needs them.
 */
export async function testDatabase(): Promise<TestDatabase> {
  const { port } = await cluster();
  const name = `test_${randomBytes(6).toString('hex')}`;
  const url = (role: Role, database = name) => urlOf(role, port, database);
  const admin = postgres(url('postgres', 'postgres'), { max: 1, onnotice: () => undefined });
  await admin`create database ${admin(name)} template ${admin(TEMPLATE)} owner migrator`;

  /** Sessions end a moment after their sockets: give them that moment. */
  const leaks = async (): Promise<string[]> => {
    for (let left = 20; ; left--) {
      const rows = await admin<{ who: string }[]>`
        select usename || ': ' || query as who from pg_stat_activity where datname = ${name}`;
      if (rows.length === 0 || left === 0) return rows.map((row) => row.who);
      await sleep(50);
    }
  };

  return {
    url: {
      postgres: url('postgres'),
      migrator: url('migrator'),
      orchestrator: url('orchestrator'),
      runner: url('runner'),
      redactor: url('redactor'),
    },
    close: async () => {
      try {
        const left = await leaks();
        await admin`drop database ${admin(name)} with (force)`;
        if (left.length > 0) throw new Error(`connections left open:\n${left.join('\n')}`);
      } finally {
        await admin.end();
      }
    },
  };
}
