import { setTimeout as sleep } from 'node:timers/promises';
import { connect, driveError, type Sql } from '@millwright/database';
import { retryable, terminal } from '@millwright/domain';

// One holder at a time of a whole database: a session advisory lock, which is gone with its holder's process, however that ends.

/** The lock's two keys (PostgreSQL, *Advisory Locks*): ours, and that of what is held. */
const SPACE = 0x6d6c_7772;
const ORCHESTRATOR = 1;
const RETRY_MS = 50;
/** A dead holder's session ends with its connection: so long its successor waits for that. */
const WAIT_MS = 1_500;
/** Who stands by waits for the lock in the database itself, and says so often who has it. */
const STANDBY_MS = 2_000;
/** SQLSTATE lock_not_available: `lock_timeout` was over. */
const NOT_YET = '55P03';

/** The holder asks its own session so often whether it is there still, and has given it up after so long a silence. */
const PULSE_MS = 1_000;
const SILENT_MS = 10_000;
/**
 * A session whose client's machine or network is gone is dropped by the database after 20 s: later than its holder gave it up. A client
 * that is merely stopped answers these (its kernel does), and keeps the lock.
 */
const DROPPED = {
  tcp_keepalives_idle: 10,
  tcp_keepalives_interval: 2,
  tcp_keepalives_count: 5,
  tcp_user_timeout: 20_000,
};

/** So long a holder looks for its lock before it may be somebody else's. */
const CONFIRM_MS = 2_000;

export type Lease = {
  /**
   * Resolves when the lock is this session's now, asked of the database: for whoever was stopped, and goes on where it was, before anything has told
   * it that another took over. Rejects with a retryable 'lease-lost' after two seconds, `onTaken` having been told where somebody else has it.
   */
  confirm(): Promise<void>;
  /** Resolves once it is given back: whoever waits for it has it at once. */
  close(): Promise<void>;
};

export type LeaseOptions = {
  /** Shown to others, 63 bytes at most. */
  holder: string;
  /** Hears once that somebody else has it meanwhile. */
  onTaken(by: string): void;
  /** Stands by where another has it, as long as that takes, and says who has: at once, and every two seconds. Without it `openLease` throws then. */
  standby?: { held(by: string): void; signal: AbortSignal };
};

/**
 * Takes the database for one orchestrator, or throws a terminal 'held-by-another' that says who has it. A connection that is lost is opened
 * again and the lock taken again. Null: it was told not to wait any longer.
 */
export async function openLease(url: string, options: LeaseOptions): Promise<Lease | null> {
  const { holder, onTaken, standby } = options;
  let closed = false;
  let current: Sql | null = null;
  let timer: NodeJS.Timeout | undefined;
  /** Set from when it is held. */
  let pulses: NodeJS.Timeout | undefined;
  let asked: Sql | null = null;

  const open = () => {
    const made: Sql = connect(url, {
      max: 1,
      max_lifetime: null,
      connection: { application_name: holder, lock_timeout: STANDBY_MS, ...DROPPED },
      onclose: () => {
        if (closed || current !== made) return;
        current = null;
        if (pulses !== undefined) again(); // it was held
      },
    });
    current = made;
    return made;
  };
  const take = async (): Promise<'held' | { by: string }> => {
    const sql = current ?? open();
    const [row] = await sql<
      [{ held: boolean }]
    >`select pg_try_advisory_lock(${SPACE}, ${ORCHESTRATOR}) as held`;
    if (row.held) return 'held';
    const [other] = await sql<{ by: string }[]>`
      select a.application_name || ', connected since ' || to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') as by
      from pg_locks l join pg_stat_activity a using (pid)
      where l.locktype = 'advisory' and l.granted and l.classid = ${SPACE} and l.objid = ${ORCHESTRATOR} and l.objsubid = 2
        and l.database = (select oid from pg_database where datname = current_database())`;
    return { by: other?.by ?? 'somebody who is just ending' };
  };
  /** Waits in the database, which hands the lock over in the moment that its holder is gone. */
  const wait = async (): Promise<'held' | 'not yet'> => {
    const sql = current ?? open();
    try {
      await sql`select pg_advisory_lock(${SPACE}, ${ORCHESTRATOR})`;
      return 'held';
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === NOT_YET) return 'not yet';
      throw error;
    }
  };
  const again = () => {
    if (closed) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      take().then(
        (taken) => {
          if (closed || taken === 'held') return;
          // The database has not yet dropped the session that was lost here: nobody else can have it, either.
          if (taken.by.startsWith(`${holder}, `)) again();
          else onTaken(taken.by);
        },
        again, // the database is away: nothing is appended by anybody meanwhile
      );
    }, RETRY_MS);
  };
  /** A session that does not answer is no more: it is opened again, and the lock asked for. */
  const pulse = async () => {
    const sql = current;
    if (closed || sql === null || asked === sql) return;
    asked = sql;
    const silent = setTimeout(() => void sql.end({ timeout: 0 }), SILENT_MS);
    await sql`select 1`.catch(() => undefined); // its close is heard
    clearTimeout(silent);
    asked = null;
  };
  const close = async () => {
    closed = true;
    clearTimeout(timer);
    clearInterval(pulses);
    await current?.end({ timeout: 1 });
  };
  const isMine = async (sql: Sql): Promise<boolean> => {
    const [row] = await sql<[{ held: boolean }]>`
      select exists (
        select from pg_locks where locktype = 'advisory' and granted and pid = pg_backend_pid()
          and classid = ${SPACE} and objid = ${ORCHESTRATOR} and objsubid = 2
      ) as held`;
    return row.held;
  };
  const confirm = async () => {
    for (const end = Date.now() + CONFIRM_MS; !closed; await sleep(RETRY_MS)) {
      const asking = current === null ? false : isMine(current).catch(() => false); // gone: its close is heard
      if (await Promise.race([asking, sleep(CONFIRM_MS, false)])) return;
      if (Date.now() > end)
        throw retryable(
          'lease-lost',
          'the database does not say that this orchestrator has the factory still',
          RETRY_MS,
        );
    }
  };
  const held = (): Lease => {
    pulses = setInterval(() => void pulse(), PULSE_MS);
    pulses.unref();
    return { confirm, close };
  };

  /** As long as it takes, and also while the database is away. */
  const standBy = async ({ held: told, signal }: NonNullable<LeaseOptions['standby']>) => {
    signal.addEventListener('abort', () => void close(), { once: true });
    while (!signal.aborted) {
      try {
        const taken = await take();
        if (taken === 'held') return held();
        told(taken.by);
        if ((await wait()) === 'held') return held();
      } catch (error) {
        if (signal.aborted) break;
        const cause = driveError('store', error);
        if (cause.disposition !== 'retryable') throw cause;
        await sleep(4 * RETRY_MS);
      }
    }
    await close();
    return null;
  };

  try {
    if (standby !== undefined) return await standBy(standby);
    for (const end = Date.now() + WAIT_MS; ; ) {
      const taken = await take();
      if (taken === 'held') return held();
      if (Date.now() > end)
        throw terminal(
          'held-by-another',
          `another orchestrator has this database: ${taken.by}. Stop that one first (Ctrl-C where it runs), give this one a database of its own (DATABASE_URL), or let it stand by (MILLWRIGHT_STANDBY=wait)`,
        );
      await sleep(RETRY_MS);
    }
  } catch (error) {
    await close();
    throw driveError('store', error);
  }
}
