import { cancelled, DriveError } from '@millwright/domain';
import { type ClientOptions, connect, type Sql } from './connect.ts';
import { type DatabaseOf, driveError } from './errors.ts';

// postgres.js (3.4.9) can lose a query that is sent between a connection's error and its close, and then never settles it; a pool
// that had such a query also never ends by itself (porsager/postgres issues 1097 and 1130, seen here when Postgres crashes under
// load). So a pool that lost a connection is thrown away whole, which settles everything in it, and so is one that does not answer.

/** A pool that is replaced when its connections are lost. Every promise it made settles. */
export type Pool = {
  /** Runs statements, `work` being done within the pool's deadline. Throws only DriveErrors. */
  use<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

/** Hears of every refusal for want of a right (SQLSTATE 42501), in the database's words. */
export type OnForbidden = (message: string) => void;

export type PoolOptions = Omit<ClientOptions, 'max'> & {
  max: number;
  /** Bounds one `use`. Milliseconds. */
  deadlineMs: number;
  onForbidden?: OnForbidden | undefined;
};

/** Connects when first used. */
export function openPool(
  of: DatabaseOf,
  url: string,
  { deadlineMs, onForbidden, ...client }: PoolOptions,
): Pool {
  let current: Sql | undefined;
  let closed = false;

  const discard = (sql: Sql) => {
    if (current === sql) current = undefined;
    sql.end({ timeout: 0 }).catch(() => undefined); // what it held is told of its end by rejection
  };

  return {
    use: async (work) => {
      if (closed) throw cancelled(`${of}-closed`, `the ${of} was closed by its owner`);
      current ??= connect(url, client);
      const sql = current;
      const late = setTimeout(() => discard(sql), deadlineMs);
      try {
        return await work(sql);
      } catch (error) {
        const drive = driveError(of, error);
        if (drive.code === `${of}-unreachable`) discard(sql);
        if (drive.code === `${of}-forbidden`) onForbidden?.(drive.message);
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
    if (!(error instanceof DriveError) || error.disposition !== 'retryable' || pause === undefined)
      throw error;
    await new Promise((resolve) => setTimeout(resolve, pause));
    return repeating(pool, work, rest);
  }
}
