import { writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { databaseTrouble } from './check.ts';
import { migrate } from './migrate.ts';
import { ownPostgres, type TestDatabase, testDatabase } from './testing/index.ts';

// What a process is told at its start of a database that cannot be its factory's: a real one, in each state.

let db: TestDatabase;
beforeEach(async () => {
  db = await testDatabase();
});
afterEach(() => db.close());

const orchestrator = { role: 'orchestrator', factory: 'fac_one', place: null } as const;
const runner = { role: 'runner', factory: 'fac_one', place: null } as const;
async function as(url: string, ...statements: string[]): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  for (const statement of statements) await sql.unsafe(statement);
  await sql.end();
}

test('the factory that comes first has it, its runners with it, and another is refused, whatever it is', async () => {
  expect(await databaseTrouble(db.url.runner, runner)).toBeNull();
  expect(await databaseTrouble(db.url.orchestrator, orchestrator)).toBeNull();
  expect(await databaseTrouble(db.url.orchestrator, orchestrator)).toBeNull();
  expect(await databaseTrouble(db.url.runner, runner)).toBeNull();
  const said = /that of another factory \(fac_one; this one is fac_two\).*MILLWRIGHT_FACTORY=fac_one/;
  expect(await databaseTrouble(db.url.orchestrator, { ...orchestrator, factory: 'fac_two' })).toMatch(said);
  expect(await databaseTrouble(db.url.runner, { ...runner, factory: 'fac_two' })).toMatch(said);
});

test('a database of a newer version, of an older one, of another form and of none is refused, and left as it is', async () => {
  await as(db.url.migrator, "insert into millwright.migrations values ('9999-later.sql', 'its')");
  expect(await databaseTrouble(db.url.orchestrator, orchestrator)).toMatch(
    /newer version \(it has 9999-later.sql\)/,
  );
  expect(await databaseTrouble(db.url.runner, runner)).toMatch(/newer version/);
  await as(
    db.url.migrator,
    "delete from millwright.migrations where name in ('9999-later.sql', '0008-artifact-place.sql')",
  );
  expect(await databaseTrouble(db.url.orchestrator, orchestrator)).toMatch(
    /older version left it: have it migrated/,
  );
  await as(db.url.migrator, "update millwright.migrations set sha256 = 'x' where name = '0001-trail.sql'");
  expect(await databaseTrouble(db.url.orchestrator, orchestrator)).toMatch(/0001-trail.sql in another form/);
  await as(db.url.migrator, 'drop schema millwright cascade');
  expect(await databaseTrouble(db.url.orchestrator, orchestrator)).toMatch(
    /holds no factory yet: have it migrated/,
  );
});

test('a role without rights, one that is not its own, a wrong password and no database are told apart, and no password is shown', async () => {
  expect(await databaseTrouble(db.url.runner, orchestrator)).toMatch(
    /role runner may not do.*role orchestrator/,
  );
  expect(await databaseTrouble(db.url.orchestrator, runner)).toMatch(
    /role orchestrator may not do.*role runner/,
  );
  await as(db.url.migrator, 'revoke usage on schema millwright from runner');
  expect(await databaseTrouble(db.url.runner, runner)).toMatch(/role runner may not do/);
  const wrong = new URL(db.url.orchestrator);
  wrong.password = 'planted';
  const said = await databaseTrouble(String(wrong), orchestrator);
  expect(said).toMatch(/does not let orchestrator in: check the password/);
  expect(said).not.toContain('planted');
  wrong.password = new URL(db.url.orchestrator).password;
  wrong.pathname = '/none';
  expect(await databaseTrouble(String(wrong), orchestrator)).toMatch(/there is no database none at/);
  wrong.port = '1';
  expect(await databaseTrouble(String(wrong), orchestrator)).toBeNull();
});

test('a database that may not be written is refused, by those who migrate it too', async () => {
  const [, name] = new URL(db.url.postgres).pathname.split('/');
  await as(db.url.postgres, `alter database ${name} set default_transaction_read_only = on`);
  const said = /read-only \(default_transaction_read_only is on\)/;
  expect(await databaseTrouble(db.url.orchestrator, orchestrator)).toMatch(said);
  const passwords = { orchestrator: 'x', runner: 'x', redactor: 'x' };
  await expect(migrate(db.url.migrator, { passwords })).rejects.toMatchObject({ code: 'database-refused' });
});

/** A way to the server on which it says that it is of another version. */
async function aged(port: string, from: string, to: string): Promise<Server> {
  const server = createServer((client) => {
    const upstream = connect(Number(port), '127.0.0.1');
    client.pipe(upstream);
    upstream.on('data', (bytes) => client.write(bytes.toString('latin1').replaceAll(from, to), 'latin1'));
    for (const socket of [client, upstream])
      socket.on('error', () => undefined).on('close', () => void [client.destroy(), upstream.destroy()]);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return server;
}

test('a server that is too old is refused, with the one that is needed', async () => {
  const sql = postgres(db.url.postgres, { max: 1 });
  const [{ is }] = await sql<[{ is: string }]>`select current_setting('server_version_num') as is`;
  await sql.end();
  const url = new URL(db.url.orchestrator);
  const old = await aged(url.port, is, '140012');
  const address = old.address();
  url.port = String(typeof address === 'object' ? address?.port : 0);
  expect(await databaseTrouble(String(url), orchestrator)).toMatch(/is PostgreSQL 14.*needs 15 or later/);
  old.close();
});

test('a replica is refused, and its primary asked for', async () => {
  const own = await ownPostgres();
  try {
    const sql = postgres(own.tcp('postgres'), { max: 1 });
    const [{ folder }] = await sql<[{ folder: string }]>`select current_setting('data_directory') as folder`;
    await sql.end();
    writeFileSync(join(folder, 'standby.signal'), '');
    await own.restart('fast');
    expect(await databaseTrouble(own.tcp('orchestrator'), orchestrator)).toMatch(
      /read-only replica: name its primary/,
    );
  } finally {
    await own.close();
  }
});
