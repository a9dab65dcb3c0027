import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate } from './migrate.ts';
import { type TestDatabase, testDatabase } from './testing/index.ts';

const passwords = { orchestrator: 'test', runner: 'test', redactor: 'test' };
let db: TestDatabase;
beforeAll(async () => {
  db = await testDatabase();
});
afterAll(() => db.close());

test('migrating again changes nothing, twice at once too', async () => {
  const both = await Promise.all([
    migrate(db.url.migrator, { passwords }),
    migrate(db.url.migrator, { passwords }),
  ]);
  expect(both).toEqual([{ applied: [] }, { applied: [] }]);
});

test('a database of another version is left as it is', async () => {
  const sql = postgres(db.url.migrator, { max: 1 });
  await sql`insert into millwright.migrations (name, sha256) values ('9999-later.sql', 'its')`;
  await expect(migrate(db.url.migrator, { passwords })).rejects.toMatchObject({
    code: 'migration-unknown',
    message: expect.stringContaining('9999-later.sql'),
  });
  await sql`delete from millwright.migrations where name = '9999-later.sql'`;
  await sql.end();
});

test('a migration that was applied in another form stops everything', async () => {
  const sql = postgres(db.url.migrator, { max: 1 });
  await sql`update millwright.migrations set sha256 = 'other' where name = '0001-trail.sql'`;
  await expect(migrate(db.url.migrator, { passwords })).rejects.toMatchObject({ code: 'migration-changed' });
  await sql.end();
});
