import { type Pool, repeating } from '@millwright/database';
import type { Budget, BudgetScope } from '@millwright/domain';
import { asc } from './drizzle.ts';
import { budgets, queries } from './tables.ts';

export type BudgetLine = { scope: BudgetScope; capUsd: number | null; spentUsd: number; reservedUsd: number };

export type BudgetLedger = Budget & {
  /** The whole reservation counts as spent: for a call whose outcome is unknown. Idempotent. */
  settleUnknown(key: string): Promise<void>;
  /** Settles as unknown what was reserved more than `olderThanMs` ago and never settled; says how many. Orchestrator only. */
  settleStale(olderThanMs: number): Promise<number>;
  /** Dollars; null lifts the cap, and spending is then only counted. Orchestrator only. */
  setCap(scope: BudgetScope, usd: number | null): Promise<void>;
  /** All scopes, by name. Orchestrator only. */
  list(): Promise<BudgetLine[]>;
};

const MICRO = 1_000_000;
/** Up, never down: a thousand calls of a fraction of a millionth must not be free. The tolerance takes 0.1 + 0.2 for 0.3. */
const micro = (usd: number) => Math.ceil(usd * MICRO - 1e-6);

/** The budget ledger. A scope without a cap is counted and never refuses. A key that was settled and is reserved again is a new call. */
export function budgetOn(pool: Pool): BudgetLedger {
  const settle = async (key: string, amount: number | null) => {
    await repeating(pool, (sql) => sql`select millwright.budget_settle(${key}, ${amount})`);
  };
  return {
    reserve: (key, scopes, usd) =>
      pool.use(async (sql) => {
        const [row] = await sql<[{ refused_by: string | null; left_over: number | null }]>`
          select refused_by, left_over from millwright.budget_reserve(${key}, ${[...scopes]}::text[], ${micro(usd)})`;
        return row.refused_by === null
          ? { kind: 'reserved' }
          : { kind: 'refused', scope: row.refused_by, left: (row.left_over ?? 0) / MICRO };
      }),
    settle: (key, usd) => settle(key, micro(usd)),
    settleUnknown: (key) => settle(key, null),
    settleStale: (olderThanMs) =>
      pool.use(async (sql) => {
        const [row] = await sql<
          [{ n: number }]
        >`select millwright.budget_settle_stale(${olderThanMs} * interval '1 millisecond') as n`;
        return row.n;
      }),
    setCap: async (scope, usd) => {
      const cap = usd === null ? null : micro(usd);
      await pool.use((client) =>
        queries(client)
          .insert(budgets)
          .values({ scope, cap })
          .onConflictDoUpdate({ target: budgets.scope, set: { cap } }),
      );
    },
    list: () =>
      pool.use(async (client) => {
        const rows = await queries(client).select().from(budgets).orderBy(asc(budgets.scope));
        return rows.map((row) => ({
          scope: row.scope,
          capUsd: row.cap === null ? null : row.cap / MICRO,
          spentUsd: row.spent / MICRO,
          reservedUsd: row.reserved / MICRO,
        }));
      }),
  };
}
