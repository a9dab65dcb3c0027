import { openPool, type Sql, transaction } from '@millwright/database';
import { asc, drizzle } from '@millwright/database/drizzle';
import {
  DriveError,
  type Fold,
  type GateId,
  type RecordedEntry,
  type RunId,
  retryable,
  type Trail,
} from '@millwright/domain';
import { gatePage, type Listed, type ListPage, type ListQuery, listPage, runOfGate } from './list-page.ts';
import { type Drawn, type ParkedEntry, Projection } from './projection.ts';
import { addNamed, foldOf, type Named } from './slice.ts';
import { READ } from './tables.ts';
import { hasActor, type LineAt, type TrailFilter, type TrailPage, trailPage } from './trail-page.ts';

/** What the projector follows. */
type Followed = Pick<Trail, 'readAll' | 'head'> & {
  follow(options: { after: number; signal: AbortSignal }): AsyncGenerator<RecordedEntry[]>;
};

export type ReadModel = {
  /**
   * Draws in all that is on the trail, and follows it from there on. One process at a time: whoever holds the database's lease. `hearing` begins with
   * what is open, and hears of every entry once it is in the rows, each once, in the order of the trail.
   */
  start(hearing: Hearing): Promise<void>;
  stop(): Promise<void>;
  /** Up to where on the trail the rows say it all, how far a rebuild under way is, and why the last one came to nothing. */
  state(): { position: number; rebuilding: { position: number } | null; failed: string | null };
  /**
   * Resolves when everything up to `position` is in the rows, so that a caller reads what it has just written. Throws a retryable
   * 'views-behind' when that takes longer than `BEHIND_MS`.
   */
  reached(position: number): Promise<void>;
  /** The same for whoever did something that stands, whether it can be read yet or not: resolves after `SHOWN_MS` at the latest. */
  shown(position: number): Promise<void>;
  /** Fills rows anew from the trail, beside those that are read meanwhile, and puts them in their place. Two at once are one. */
  rebuild(): Promise<void>;
  /** All that the rows hold, or what of it is open, and up to where on the trail that is. */
  rows(part: 'open' | 'all'): Promise<{ fold: Fold; position: number }>;
  /** Adds to a fold what is named and not in it. */
  add(fold: Fold, named: Named): Promise<void>;
  parked(): Promise<ParkedEntry[]>;
  list<K extends keyof Listed>(list: K, query: ListQuery): Promise<ListPage<Listed[K]>>;
  gates(query: ListQuery): Promise<ListPage<{ gate: GateId; run: RunId }>>;
  runOfGate(gate: GateId): Promise<RunId | undefined>;
  trailPage(filter: TrailFilter, page: TrailPage): Promise<LineAt[]>;
  /** Whether anything on the trail is by this actor. */
  hasActor(id: string): Promise<boolean>;
};

export type Hearing = {
  /** What is open at that position: at the start, and whenever the rows were made anew. */
  begin(open: Fold, position: number): void;
  drawn(drawn: Drawn): void;
};

/** Longer than a database that is asked a lot lets wait. Milliseconds. */
const BEHIND_MS = 30_000;
/** Whoever writes waits no longer for those who read. Milliseconds. */
const SHOWN_MS = 2_000;
const AGAIN_MS = 200;
/** Entries in one transaction while there is a lot to fold in. */
const BULK = 2_000;

/** Somebody else holds the lock that was asked for. */
const isLocked = (error: unknown): boolean =>
  error instanceof DriveError &&
  error.cause instanceof Error &&
  'code' in error.cause &&
  error.cause.code === '55P03';

/** Connects when first used. Errors: retryable 'views-unreachable', 'views-behind'; terminal 'views-failed'. */
export function openReadModel(options: {
  url: string;
  trail: Followed;
  onParked: (parked: ParkedEntry) => void;
  onTrouble: (error: unknown) => void;
}): ReadModel {
  const { url, trail } = options;
  const reads = openPool('views', url, { max: 4, deadlineMs: 30_000, idle_timeout: 60 });
  // One for the rows that are read, one for those of a rebuild.
  const writes = openPool('views', url, { max: 2, deadlineMs: 120_000, idle_timeout: 60 });
  let hearing: Hearing = { begin: () => undefined, drawn: () => undefined };
  /** Up to where `hearing` has heard. */
  let heard = 0;
  /** What `hearing` holds may be of other rows than those that are read. */
  let stale = false;
  const hear = ({ entries, position, about }: Drawn) => {
    // A crash of the database takes back rows, and no entry: what was heard is not heard again.
    const unheard = entries.filter(({ envelope }) => envelope.position > heard);
    heard = Math.max(heard, position);
    hearing.drawn({ entries: unheard, position, about });
  };
  const live = new Projection(writes, 'read', options.onParked, hear);
  /** Up to where the rows are, and have been heard. */
  const isAt = () => Math.min(heard, live.position);
  const abort = new AbortController();
  const waiting = new Set<{ position: number; resolve: (there: true) => void }>();
  let following = Promise.resolve();
  let last: Promise<unknown> = Promise.resolve();
  let beside: Projection | null = null;
  let rebuilding: Promise<void> | null = null;
  let failed: string | null = null;

  /** The rows that are read change hands, or grow, one after the other. */
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work);
    last = done.catch(() => undefined); // whoever asked is told
    return done;
  };
  const tell = () => {
    for (const one of waiting)
      if (one.position <= isAt()) {
        waiting.delete(one);
        one.resolve(true);
      }
  };
  /** Whether everything up to `position` is in the rows within `ms`. */
  const comesTo = (position: number, ms: number): Promise<boolean> => {
    if (isAt() >= position) return Promise.resolve(true);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const one = { position, resolve };
    waiting.add(one);
    const late = setTimeout(() => resolve(false), ms).unref();
    return promise.finally(() => {
      waiting.delete(one);
      clearTimeout(late);
    });
  };
  const snapshot = (part: 'open' | 'all') =>
    writes.use((sql) =>
      transaction(sql, 'isolation level repeatable read read only', async (tx) => {
        const [at] = await tx<[{ position: number }]>`select position from read.checkpoint`;
        return { fold: await foldOf(tx, 'read', part), position: at.position };
      }),
    );
  const begin = async () => {
    const { fold, position } = await snapshot('open');
    heard = Math.max(heard, position);
    hearing.begin(fold, position);
    stale = false;
  };
  /** What came into the rows by a transaction whose answer was lost is told now. */
  const catchUp = async () => {
    while (heard < live.position) {
      const entries = await trail.readAll(heard, 1).catch((error: unknown) => {
        if (error instanceof DriveError && error.disposition !== 'terminal') throw error;
        return []; // it is parked
      });
      hear({ entries, position: heard + 1, about: await live.about(entries) });
    }
    if (stale) await begin();
    tell();
  };
  /** Draws in what is on the trail by now. */
  const advance = async () => {
    while (!abort.signal.aborted && (await alone(() => live.advance(trail, BULK))) > 0) tell();
  };
  const follow = async () => {
    for (let failed = false; !abort.signal.aborted; ) {
      try {
        if (failed) {
          await alone(async () => {
            stale = (await live.load(trail)) || stale;
            await catchUp();
          });
          await advance();
        }
        failed = false;
        for await (const batch of trail.follow({ after: live.position, signal: abort.signal })) {
          await alone(async () => {
            if (stale) await catchUp();
            await live.take(batch);
          });
          tell();
        }
      } catch (error) {
        if (abort.signal.aborted) return;
        failed = true;
        options.onTrouble(error);
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  };
  const fill = async () => {
    const next = new Projection(writes, 'read_next', options.onParked);
    beside = next;
    await next.make();
    const upToLive = async () => {
      while (next.position < live.position) {
        abort.signal.throwIfAborted();
        await next.advance(trail, Math.min(BULK, live.position - next.position));
      }
    };
    for (let swapped = false; !swapped; ) {
      await upToLive();
      swapped = await alone(async () => {
        await upToLive();
        stale = true;
        try {
          await writes.use((sql) => sql`select millwright.swap_read_model()`);
        } catch (error) {
          // Somebody reads them for long: meanwhile entries are folded in, and then it is tried again.
          if (!isLocked(error)) throw error;
          stale = false;
          return false;
        }
        await catchUp();
        return true;
      });
      if (!swapped) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  };
  const read = <T>(work: (sql: Sql) => Promise<T>) => reads.use(work);

  return {
    start: async (whoHears) => {
      for (let drawn = false; !drawn; ) {
        await live.load(trail);
        drawn = await advance().then(
          () => true,
          // By the last transaction of whoever had the database before.
          (error: unknown) => {
            if (!(error instanceof DriveError && error.code === 'views-moved')) throw error;
            return false;
          },
        );
      }
      hearing = whoHears;
      await begin();
      following = follow();
    },
    stop: async () => {
      abort.abort();
      await following;
      await rebuilding?.catch(() => undefined); // whoever asked is told
      await Promise.all([reads.close(), writes.close()]);
    },
    state: () => ({
      position: live.position,
      rebuilding: beside === null ? null : { position: beside.position },
      failed,
    }),
    reached: async (position) => {
      if (await comesTo(position, BEHIND_MS)) return;
      const words = `what is read has come to entry ${isAt()} of ${position}; ask again in a moment`;
      throw retryable('views-behind', words, 1_000);
    },
    shown: async (position) => void (await comesTo(position, SHOWN_MS)),
    rebuild: () => {
      rebuilding ??= fill()
        .then(
          () => {
            failed = null;
          },
          (error: unknown) => {
            failed = error instanceof Error ? error.message : String(error);
            throw error;
          },
        )
        .finally(() => {
          beside = null;
          rebuilding = null;
        });
      return rebuilding;
    },
    rows: snapshot,
    add: (fold, named) => read((sql) => addNamed(sql, fold, named)),
    parked: () =>
      read((sql) => drizzle(sql).select().from(READ.parked).orderBy(asc(READ.parked.position)).limit(100)),
    list: (list, query) => read((sql) => listPage(sql, list, query)),
    gates: (query) => read((sql) => gatePage(sql, query)),
    runOfGate: (gate) => read((sql) => runOfGate(sql, gate)),
    trailPage: (filter, page) => read((sql) => trailPage(sql, filter, page)),
    hasActor: (id) => read((sql) => hasActor(sql, id)),
  };
}
