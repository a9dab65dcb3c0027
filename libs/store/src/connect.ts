import { cancelled, DriveError, retryable, socketHost, terminal } from '@millwright/domain';
import postgres from 'postgres';

export type Sql = postgres.Sql<{ bigint: number }>;

// postgres.js (3.4.9) can lose a query that is sent between a connection's error and its close, and then never settles it; a pool
// that had such a query also never ends by itself (porsager/postgres issues 1097 and 1130, seen here when Postgres crashes under
// load). So a pool that lost a connection is thrown away whole, which settles everything in it, and so is one that does not answer.

/** A pool that is replaced when its connections are lost. Every promise it made settles. */
export type Pool = {
  /** Runs statements, `work` being done within the pool's deadline. Throws only DriveErrors. */
  use<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

/** SQLSTATE classes and client codes that say: the connection is gone, or there is none to be had now (a Unix socket is not there, or its queue is full). */
const LOST =
  /^(08...|57P0[1-5]|40001|40P01|53[0-9A-Z]{3}|CONNECTION_.*|CONNECT_TIMEOUT|ECONN.*|EPIPE|ETIMEDOUT|ENOENT|EAGAIN)$/;

/** What a driver does about a database error. After 'store-unreachable' it is unknown whether a change happened; all of the store's can be repeated. */
export function driveError(error: unknown): DriveError {
  if (error instanceof DriveError) return error;
  // Typed queries wrap the database's error, their own message being the statement and its values, which no log needs.
  const said = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = said instanceof Error && 'code' in said ? String(said.code) : '';
  const message = said instanceof Error ? said.message : String(said);
  if (code === '53100')
    return retryable(
      'store-full',
      'the database has no space left on its disk; free some and it goes on',
      1_000,
      said,
    );
  if (LOST.test(code))
    return retryable('store-unreachable', `the database cannot be reached: ${message}`, 200, said);
  if (code === '42501') return terminal('store-forbidden', `the database refused: ${message}`, said);
  return terminal('store-failed', `the database failed: ${message}`, said);
}

/** Hears of every refusal for want of a right (SQLSTATE 42501), in the database's words. */
export type OnForbidden = (message: string) => void;

/** Connects when first used. `deadlineMs` (default 10 s) bounds one `use`; `onclose` hears of every connection that ended. */
export function openPool(
  url: string,
  options: { max: number; deadlineMs?: number; onclose?: () => void; onForbidden?: OnForbidden | undefined },
): Pool {
  let current: Sql | undefined;
  let closed = false;

  const open = (): Sql =>
    postgres(url, {
      ...socketHost(url),
      max: options.max,
      connect_timeout: 10,
      idle_timeout: 60, // a connection costs the embedded server some 5 MB
      onnotice: () => undefined,
      // Sizes and millionths of dollars are numbers: both stay far below 2^53.
      types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
    });

  const discard = (sql: Sql) => {
    if (current === sql) current = undefined;
    sql.end({ timeout: 0 }).catch(() => undefined); // what it held is told of its end by rejection
  };

  return {
    use: async (work) => {
      if (closed) throw cancelled('store-closed', 'the store was closed by its owner');
      current ??= open();
      const sql = current;
      const late = setTimeout(() => discard(sql), options.deadlineMs ?? 30_000);
      try {
        return await work(sql);
      } catch (error) {
        const drive = driveError(error);
        if (drive.code === 'store-unreachable') discard(sql);
        if (drive.code === 'store-forbidden') options.onForbidden?.(drive.message);
        throw drive;
      } finally {
        clearTimeout(late);
      }
    },
    close: async () => {
      closed = true;
      await current?.end({ timeout: 5 });
    },
  };
}

/** What can be done twice is, when its connection was lost: three more times within half a second. */
export async function repeating<T>(
  pool: Pool,
  work: (sql: Sql) => Promise<T>,
  pauses: readonly number[] = [20, 100, 400],
): Promise<T> {
  try {
    return await pool.use(work);
  } catch (error) {
    const [pause, ...rest] = pauses;
    if (driveError(error).disposition !== 'retryable' || pause === undefined) throw error;
    await new Promise((resolve) => setTimeout(resolve, pause));
    return repeating(pool, work, rest);
  }
}
