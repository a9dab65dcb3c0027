import { connect, driveError, type Sql } from '@millwright/database';
import { terminal } from '@millwright/domain';

// One holder at a time of a whole database: a session advisory lock, which is gone with its holder's process, however that ends.

/** The lock's two keys (PostgreSQL, *Advisory Locks*): ours, and that of what is held. */
const SPACE = 0x6d6c_7772;
const ORCHESTRATOR = 1;
const RETRY_MS = 50;
/** A dead holder's session ends with its connection: so long its successor waits for that. */
const WAIT_MS = 1_500;

export type Lease = {
  /** Resolves once it is given back: whoever waits for it has it at once. */
  close(): Promise<void>;
};

/**
 * Takes the database for one orchestrator, or throws a terminal 'held-by-another' that says who has it. `holder` is shown to others, 63 bytes at
 * most. A connection that is lost is opened again and the lock taken again; `onTaken` hears once that somebody else has it meanwhile.
 */
export async function openLease(url: string, holder: string, onTaken: (by: string) => void): Promise<Lease> {
  let closed = false;
  let current: Sql | null = null;
  let timer: NodeJS.Timeout | undefined;

  const open = () => {
    const made: Sql = connect(url, {
      max: 1,
      fetch_types: false,
      max_lifetime: null,
      connection: { application_name: holder },
      onclose: () => {
        if (closed || current !== made) return;
        current = null;
        again();
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
      select a.application_name || ', since ' || to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') as by
      from pg_locks l join pg_stat_activity a using (pid)
      where l.locktype = 'advisory' and l.granted and l.classid = ${SPACE} and l.objid = ${ORCHESTRATOR} and l.objsubid = 2
        and l.database = (select oid from pg_database where datname = current_database())`;
    return { by: other?.by ?? 'somebody who is just ending' };
  };
  const again = () => {
    if (closed) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      take().then(
        (taken) => {
          if (taken !== 'held' && !closed) onTaken(taken.by);
        },
        again, // the database is away: nothing is appended by anybody meanwhile
      );
    }, RETRY_MS);
  };
  const close = async () => {
    closed = true;
    clearTimeout(timer);
    await current?.end({ timeout: 1 });
  };

  try {
    for (const end = Date.now() + WAIT_MS; ; ) {
      const taken = await take();
      if (taken === 'held') return { close };
      if (Date.now() > end)
        throw terminal(
          'held-by-another',
          `another orchestrator has this database: ${taken.by}. Stop that one first (Ctrl-C where it runs), or give this one a database of its own (DATABASE_URL)`,
        );
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  } catch (error) {
    await close();
    throw driveError('store', error);
  }
}
