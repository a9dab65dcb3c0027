import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect, driveError, type Sql, type TransactionSql, transaction } from '@millwright/database';
import { terminal } from '@millwright/domain';
import { migrations } from './migrate.ts';

// Everything that is no longer there when the database is not: each permanent table of the factory's schema, by COPY in one snapshot. What is
// listed is made anew from the trail, the queue only wakes, and beats and notes of the moment are of processes that are gone by then.

/** What says which files were applied, which session seals and whose it is: all are of one database, and made by `migrate` and the first start. */
const OF_THE_DATABASE = ['migrations', 'sealer', 'identity'];

type Table = { name: string; columns: string };

/** The tables with the columns that are written, each after those that it refers to. */
async function tables(sql: Sql | TransactionSql): Promise<Table[]> {
  const rows = await sql<(Table & { refers: string | null })[]>`
    select c.relname as name,
      (select string_agg(format('%I', a.attname), ', ' order by a.attnum) from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns,
      (select string_agg(f.relname, ' ') from pg_constraint k join pg_class f on f.oid = k.confrelid
        where k.conrelid = c.oid and k.contype = 'f' and k.confrelid <> c.oid) as refers
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'millwright' and c.relkind = 'r' and c.relpersistence = 'p' order by c.relname`;
  const left = rows.filter(({ name, columns }) => columns !== null && !OF_THE_DATABASE.includes(name));
  const ordered: Table[] = [];
  while (left.length > 0) {
    const at = left.findIndex(
      ({ refers }) => !(refers ?? '').split(' ').some((one) => left.some(({ name }) => name === one)),
    );
    ordered.push(...left.splice(Math.max(at, 0), 1));
  }
  return ordered;
}

const copied = ({ name, columns }: Table): string => `millwright."${name}" (${columns})`;

type Migration = { name: string; sha256: string };
type Dumped = {
  /** On the trail, as of the snapshot. */
  entries: number;
  checkpoint: { size: number; note: string } | null;
  migrations: Migration[];
};

/** The migrations of this version, in their order. */
export const ownMigrations = (): Migration[] => migrations().map(({ name, sha256 }) => ({ name, sha256 }));

/**
 * Hands each table to `write`, in PostgreSQL's binary form of COPY, as all of them were at one moment; the factory may run meanwhile. `url` is that
 * of role migrator. Throws DriveErrors.
 */
export async function dump(
  url: string,
  write: (table: string, rows: Readable) => Promise<void>,
): Promise<Dumped> {
  const sql = connect(url, { max: 1 });
  try {
    return await transaction(sql, 'isolation level repeatable read read only', async (tx) => {
      const [{ entries }] = await tx<
        [{ entries: number }]
      >`select coalesce(max(position), 0) as entries from millwright.entries`;
      const [checkpoint = null] = await tx<{ size: number; note: string }[]>`
        select size, note from millwright.checkpoints order by size desc limit 1`;
      const applied = await tx<Migration[]>`select name, sha256 from millwright.migrations order by name`;
      for (const table of await tables(tx))
        await write(
          table.name,
          await tx.unsafe(`copy ${copied(table)} to stdout (format binary)`).readable(),
        );
      return { entries, checkpoint, migrations: [...applied] };
    });
  } catch (error) {
    throw driveError('store', error);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** How many entries a database holds: none, too, where it was never one of a factory. Throws DriveErrors. */
export async function entriesOf(url: string): Promise<number> {
  const sql = connect(url, { max: 1 });
  try {
    const [{ there }] = await sql<[{ there: boolean }]>`
      select to_regclass('millwright.entries') is not null as there`;
    if (!there) return 0;
    const [{ entries }] = await sql<
      [{ entries: number }]
    >`select count(*)::int as entries from millwright.entries`;
    return entries;
  } catch (error) {
    throw driveError('store', error);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** Fills a database that was migrated and holds nothing yet: whole, or not at all. Throws DriveErrors: terminal 'not-empty'. */
export async function load(url: string, read: (table: string) => Readable): Promise<void> {
  const sql = connect(url, { max: 1 });
  try {
    await transaction(sql, '', async (tx) => {
      for (const table of await tables(tx)) {
        const [found] = await tx.unsafe(`select from millwright."${table.name}" limit 1`);
        if (found !== undefined)
          throw terminal('not-empty', `the database holds a factory: its table ${table.name} is not empty`);
        await pipeline(
          read(table.name),
          await tx.unsafe(`copy ${copied(table)} from stdin (format binary)`).writable(),
        );
      }
    });
  } catch (error) {
    throw driveError('store', error);
  } finally {
    await sql.end({ timeout: 5 });
  }
}
