import { type OnForbidden, openPool, type Pool } from '@millwright/database';
import { and, eq } from '@millwright/database/drizzle';
import { type Artifacts, type SecretFinder, terminal } from '@millwright/domain';
import type { ArtifactPlace } from './artifact-place.ts';
import { artifactsOn } from './artifacts.ts';
import { type BudgetLedger, budgetOn } from './budget.ts';
import { type People, peopleOn } from './people.ts';
import { type RunnerNotes, runnerNotesOn } from './runner-notes.ts';
import { secretFinderOn } from './secret-prints.ts';
import { idempotencyKeys, queries } from './tables.ts';

/** What lies beside the trail, for one role: what the role may not do fails with a terminal 'store-forbidden'. */
export type Store = {
  artifacts: Artifacts;
  budget: BudgetLedger;
  people: People;
  notes: RunnerNotes;
  /** Finds the secrets that were set, by their prints. */
  secretFinder(): Promise<SecretFinder>;
  /** Requests made under a client's own key: the value of whoever claimed the key first, the caller's own included. Orchestrator only. */
  idempotency: { claim(scope: string, key: string, value: string): Promise<string> };
  /** Removes chunks of uploads that were never finished, an hour after; says how many. Orchestrator only. */
  sweep(): Promise<number>;
  /** What the database takes on its disk, and artifacts of that. Bytes. */
  size(): Promise<{ database: number; artifacts: number }>;
  /** Throws a retryable 'store-unreachable' when the database is not there. */
  ping(): Promise<void>;
  close(): Promise<void>;
};

const pools = new WeakMap<Store, Pool>();

/** The pool of a store, for the parts of this package that are opened on one. */
export function poolOf(store: Store): Pool {
  const pool = pools.get(store);
  if (pool === undefined) throw new TypeError('not a store of openStore');
  return pool;
}

/** Connects when first used. `maxConnections` defaults to 4. */
export function openStore(options: {
  url: string;
  maxConnections?: number;
  onForbidden?: OnForbidden;
  silentMs?: number;
  /** Where large artifacts lie; the database, where it is not given. */
  place?: ArtifactPlace | null;
}): Store {
  const pool = openPool('store', options.url, {
    max: options.maxConnections ?? 4,
    deadlineMs: 30_000,
    idle_timeout: 60, // a connection costs the embedded server some 5 MB
    onForbidden: options.onForbidden,
    silentMs: options.silentMs,
  });
  const store: Store = {
    artifacts: artifactsOn(pool, options.place ?? null),
    budget: budgetOn(pool),
    people: peopleOn(pool),
    notes: runnerNotesOn(pool),
    secretFinder: secretFinderOn(pool),
    idempotency: {
      claim: (scope, key, value) =>
        pool.use(async (client) => {
          const query = queries(client);
          const [made] = await query
            .insert(idempotencyKeys)
            .values({ scope, key, value })
            .onConflictDoNothing()
            .returning();
          if (made !== undefined) return made.value;
          const [first] = await query
            .select()
            .from(idempotencyKeys)
            .where(and(eq(idempotencyKeys.scope, scope), eq(idempotencyKeys.key, key)));
          if (first === undefined) throw terminal('store-failed', `the key ${key} of ${scope} was removed`);
          return first.value;
        }),
    },
    sweep: () =>
      pool.use(async (sql) => {
        const [row] = await sql<[{ n: number }]>`select millwright.artifact_sweep() as n`;
        return row.n;
      }),
    size: () =>
      pool.use(async (sql) => {
        const [row] = await sql<[{ database: number; artifacts: number }]>`
          select pg_database_size(current_database()) as database,
            pg_total_relation_size('millwright.artifact_chunks') as artifacts`;
        return row;
      }),
    ping: () => pool.use(async (sql) => void (await sql`select 1`)),
    close: () => pool.close(),
  };
  pools.set(store, pool);
  return store;
}
