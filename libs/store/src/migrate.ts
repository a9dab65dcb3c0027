import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, driveError, type Sql } from '@millwright/database';
import { terminal } from '@millwright/domain';
import { serverTrouble } from './server-trouble.ts';

const folder = new URL('./migrations/', import.meta.url);
const appRoles = ['orchestrator', 'runner', 'redactor'] as const;
export type AppRole = (typeof appRoles)[number];

type Migration = { name: string; sql: string; sha256: string };

/** The one history, in its one order: by file name. */
export function migrations(): Migration[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => {
      const sql = readFileSync(new URL(name, folder), 'utf8');
      return { name, sql, sha256: createHash('sha256').update(sql).digest('hex') };
    });
}

/** A role's attributes are set each time, so that a role somebody widened is narrow again. Passwords are literals in DDL: quoted by the server. */
async function ensureRole(sql: Sql, role: string, password: string, attributes: string): Promise<void> {
  const [exists] = await sql`select from pg_roles where rolname = ${role}`;
  const [quoted] = await sql<[{ ddl: string }]>`
    select format('%s role %I login nosuperuser nocreatedb noreplication nobypassrls password %L', ${exists ? 'alter' : 'create'}::text, ${role}::text, ${password}::text) as ddl`;
  // Only a superuser may even mention the attributes that only a superuser has.
  const ddl = exists
    ? quoted.ddl.replace(' nosuperuser nocreatedb noreplication nobypassrls', '')
    : quoted.ddl;
  await sql.unsafe(`${ddl} ${attributes}`);
  // A client that stops inside a transaction of its own would hold what it locked: none of ours thinks for seconds in there.
  await sql.unsafe(`alter role ${role} set idle_in_transaction_session_timeout = '5s'`);
}

/**
 * Brings the database up to this version: the roles of the application with these passwords, then every migration not yet applied,
 * each in a transaction of its own. Idempotent, and safe to run twice at once. `url` is that of role `migrator`, which owns the
 * database and has CREATEROLE. Throws DriveErrors: terminal 'migration-changed' when an applied file is not what it was,
 * terminal 'migration-unknown' when the database has one of another version, retryable 'store-unreachable'.
 */
export async function migrate(
  url: string,
  options: { passwords: Record<AppRole, string> },
): Promise<{ applied: string[] }> {
  const sql = connect(url, { max: 1 });
  const applied: string[] = [];
  try {
    const trouble = await serverTrouble(sql);
    if (trouble !== null) throw terminal('database-refused', trouble);
    await sql`select pg_advisory_lock(5574937551044903)`;
    for (const role of appRoles)
      await ensureRole(sql, role, options.passwords[role], 'nocreaterole noinherit');
    // For every function made from here on, by this role, in any schema: nobody runs it who was not granted it.
    await sql`alter default privileges revoke execute on functions from public`;
    await sql`create schema if not exists millwright`;
    await sql`create table if not exists millwright.migrations (name text primary key, sha256 text not null)`;
    const rows = await sql<
      { name: string; sha256: string }[]
    >`select name, sha256 from millwright.migrations`;
    const known = new Map(rows.map((row) => [row.name, row.sha256]));
    const ours = migrations();
    const other = rows.find(({ name }) => !ours.some((one) => one.name === name));
    if (other !== undefined)
      throw terminal(
        'migration-unknown',
        `the database has ${other.name}, which this version does not know: it was made by a newer version, or by one from before the first release; use that version, or an empty database`,
      );
    for (const { name, sql: text, sha256 } of ours) {
      const before = known.get(name);
      if (before !== undefined && before !== sha256)
        throw terminal(
          'migration-changed',
          `migration ${name} was applied in another form; restore its file`,
        );
      if (before !== undefined) continue;
      await sql.begin(async (tx) => {
        await tx.unsafe(text);
        await tx`insert into millwright.migrations (name, sha256) values (${name}, ${sha256})`;
      });
      applied.push(name);
    }
    return { applied };
  } catch (error) {
    throw driveError('store', error);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/**
 * With a superuser's url: role `migrator` with this password, and a database that it owns. Idempotent.
 * For an embedded cluster; elsewhere a database administrator does the same by hand. Throws DriveErrors.
 */
export async function bootstrap(
  superuserUrl: string,
  options: { database: string; password: string },
): Promise<void> {
  const sql = connect(superuserUrl, { max: 1 });
  try {
    await ensureRole(sql, 'migrator', options.password, 'createrole');
    // What a role makes it may use: before PostgreSQL 16 it may anyway.
    const [{ version }] = await sql<
      [{ version: number }]
    >`select current_setting('server_version_num')::int as version`;
    if (version >= 160_000) await sql`alter role migrator set createrole_self_grant = 'set, inherit'`;
    const [exists] = await sql`select from pg_database where datname = ${options.database}`;
    if (!exists)
      await sql`create database ${sql(options.database)} owner migrator encoding 'UTF8' template template0`;
    await sql`revoke all on database ${sql(options.database)} from public`;
    await sql`grant connect on database ${sql(options.database)} to public`;
  } catch (error) {
    throw driveError('store', error);
  } finally {
    await sql.end({ timeout: 5 });
  }
}
