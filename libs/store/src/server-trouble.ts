import type { Sql } from '@millwright/database';

/** The oldest PostgreSQL that the tests run on. */
const OLDEST = 15;

/** What is wrong with the server itself, whoever asks it. */
export async function serverTrouble(sql: Sql): Promise<string | null> {
  const [{ version, replica, readonly }] = await sql<
    [{ version: number; replica: boolean; readonly: string }]
  >`
    select current_setting('server_version_num')::int as version, pg_is_in_recovery() as replica,
      current_setting('default_transaction_read_only') as readonly`;
  if (version < OLDEST * 10_000)
    return `the database is PostgreSQL ${Math.floor(version / 10_000)}, and Millwright needs ${OLDEST} or later: upgrade it (pg_upgrade, or dump and restore), or give another (DATABASE_URL)`;
  if (replica) return 'the database is a read-only replica: name its primary in DATABASE_URL';
  if (readonly === 'on')
    return 'the database is read-only (default_transaction_read_only is on): name one that can be written in DATABASE_URL, or: alter database … set default_transaction_read_only = off';
  return null;
}
