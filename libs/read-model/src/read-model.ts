import { openPool, type Sql, transaction } from '@millwright/database';
import { asc, drizzle } from '@millwright/database/drizzle';
import { type Fold, type RecordedEntry, retryable, type Trail } from '@millwright/domain';
import { type Listed, type ListPage, type ListQuery, listPage } from './list-page.ts';
import { type ParkedEntry, Projection } from './projection.ts';
import { wholeFold } from './slice.ts';
import { READ } from './tables.ts';
import { hasActor, type LineAt, type TrailFilter, type TrailPage, trailPage } from './trail-page.ts';

/** What the projector follows. */
type Followed = Pick<Trail, 'readAll' | 'head'> & {
  follow(options: { after: number; signal: AbortSignal }): AsyncGenerator<RecordedEntry[]>;
};

export type ReadModel = {
  /** Begins to follow the trail from where the rows are. One process at a time: whoever holds the database's lease. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Up to where on the trail the rows say it all, how far a rebuild under way is, and why the last one came to nothing. */
  state(): { position: number; rebuilding: { position: number } | null; failed: string | null };
  /**
   * Resolves when everything up to `position` is in the rows, so that a caller reads what it has just written. Throws a retryable
   * 'views-behind' when that takes longer than `BEHIND_MS`.
   */
  reached(position: number): Promise<void>;
  /** Fills rows anew from the trail, beside those that are read meanwhile, and puts them in their place. Two at once are one. */
  rebuild(): Promise<void>;
  /** All that the rows hold, and up to where on the trail that is: nothing, where they are of another form. */
  fold(): Promise<{ fold: Fold; position: number }>;
  parked(): Promise<ParkedEntry[]>;
  list<K extends keyof Listed>(list: K, query: ListQuery): Promise<ListPage<Listed[K]>>;
  trailPage(filter: TrailFilter, page: TrailPage): Promise<LineAt[]>;
  /** Whether anything on the trail is by this actor. */
  hasActor(id: string): Promise<boolean>;
};

/** Longer than a database that is asked a lot lets wait. Milliseconds. */
const BEHIND_MS = 30_000;
const AGAIN_MS = 200;
/** Entries in one transaction while there is a lot to draw in. */
const BULK = 2_000;

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
  const live = new Projection(writes, 'read', options.onParked);
  const abort = new AbortController();
  const waiting = new Set<{ position: number; resolve: () => void }>();
  let following = Promise.resolve();
  let lane: Promise<unknown> = Promise.resolve();
  let beside: Projection | null = null;
  let rebuilding: Promise<void> | null = null;
  let failed: string | null = null;

  /** The rows that are read change hands, or grow, one after the other. */
  const alone = <T>(work: () => Promise<T>): Promise<T> => {
    const done = lane.then(work);
    lane = done.catch(() => undefined); // whoever asked is told
    return done;
  };
  const tell = () => {
    for (const one of waiting)
      if (one.position <= live.position) {
        waiting.delete(one);
        one.resolve();
      }
  };
  const follow = async () => {
    while (!abort.signal.aborted) {
      try {
        // Also after an answer that was lost: whether it is in the rows is known by their checkpoint.
        await alone(() => live.load(trail));
        while ((await alone(() => live.advance(trail, BULK))) > 0) {
          tell();
          if (abort.signal.aborted) return;
        }
        for await (const batch of trail.follow({ after: live.position, signal: abort.signal })) {
          await alone(() => live.take(batch));
          tell();
        }
      } catch (error) {
        if (abort.signal.aborted) return;
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
    await upToLive();
    await alone(async () => {
      await upToLive();
      await writes.use((sql) => sql`select millwright.swap_read_model()`);
    });
  };
  const read = <T>(work: (sql: Sql) => Promise<T>) => reads.use(work);

  return {
    start: async () => {
      await live.load(trail);
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
    reached: (position) => {
      if (live.position >= position) return Promise.resolve();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const one = { position, resolve };
      waiting.add(one);
      const late = setTimeout(() => {
        waiting.delete(one);
        reject(
          retryable(
            'views-behind',
            `what is read has come to entry ${live.position} of ${position}; ask again in a moment`,
            1_000,
          ),
        );
      }, BEHIND_MS).unref();
      return promise.finally(() => clearTimeout(late));
    },
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
    fold: async () => {
      await live.load(trail);
      return writes.use((sql) =>
        transaction(sql, 'isolation level repeatable read read only', async (tx) => {
          const [at] = await tx<[{ position: number }]>`select position from read.checkpoint`;
          return { fold: await wholeFold(tx, 'read'), position: at.position };
        }),
      );
    },
    parked: () =>
      read((sql) => drizzle(sql).select().from(READ.parked).orderBy(asc(READ.parked.position)).limit(100)),
    list: (list, query) => read((sql) => listPage(sql, list, query)),
    trailPage: (filter, page) => read((sql) => trailPage(sql, filter, page)),
    hasActor: (id) => read((sql) => hasActor(sql, id)),
  };
}
