import { cancelled, DriveError, retryable } from '@millwright/domain';
import { answers } from './answers.ts';
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
  /**
   * A database that is stopped or out of reach fails nothing, it is silent. After so long a silence it is asked, over a connection of its own,
   * whether it answers anybody within as long again; one that does is only slow, and has until the deadline. 3 s unless told: so a hang is
   * known in 6 s at most. Milliseconds.
   */
  silentMs?: number | undefined;
};

const SILENT_MS = 3_000;
/** For so long after it answered nobody, nothing waits for it. Milliseconds. */
const AWAY_MS = 1_000;

/** Connects when first used. */
export function openPool(
  of: DatabaseOf,
  url: string,
  { deadlineMs, onForbidden, silentMs = SILENT_MS, ...client }: PoolOptions,
): Pool {
  let current: Sql | undefined;
  let closed = false;
  let awayUntil = 0;
  let asked: Promise<boolean> | null = null;

  const discard = (sql: Sql) => {
    if (current === sql) current = undefined;
    sql.end({ timeout: 0 }).catch(() => undefined); // what it held is told of its end by rejection
  };

  /** Asks again and again while `sql` is silent; discards it when the database is too. Returns the way to stop. */
  const watch = (sql: Sql): (() => void) => {
    let timer: NodeJS.Timeout | undefined;
    const later = () => {
      timer = setTimeout(ask, silentMs);
    };
    const ask = async () => {
      asked ??= answers(url, silentMs).finally(() => {
        asked = null;
      });
      const answered = await asked;
      if (timer === undefined) return;
      if (answered) return later();
      awayUntil = Date.now() + AWAY_MS;
      discard(sql);
    };
    later();
    return () => {
      clearTimeout(timer);
      timer = undefined;
    };
  };

  return {
    use: async (work) => {
      if (closed) throw cancelled(`${of}-closed`, `the ${of} was closed by its owner`);
      if (Date.now() < awayUntil)
        throw retryable(`${of}-unreachable`, 'the database does not answer', AWAY_MS);
      current ??= connect(url, client);
      const sql = current;
      const late = setTimeout(() => discard(sql), deadlineMs);
      const unwatch = watch(sql);
      try {
        return await work(sql);
      } catch (error) {
        const drive = driveError(of, error);
        if (drive.code === `${of}-unreachable`) discard(sql);
        if (drive.code === `${of}-forbidden`) onForbidden?.(drive.message);
        throw drive;
      } finally {
        clearTimeout(late);
        unwatch();
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
