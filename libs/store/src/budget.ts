import { type Pool, repeating, textArray } from '@millwright/database';
import { and, asc, gt, inArray } from '@millwright/database/drizzle';
import type { AttemptId, Budget, BudgetScope } from '@millwright/domain';
import { budgets, queries } from './tables.ts';

export type BudgetLine = {
  scope: BudgetScope;
  capUsd: number | null;
  /** Never over the cap by what a model's endpoint bills: what is over a reservation is `overrunUsd`. */
  spentUsd: number;
  overrunUsd: number;
  reservedUsd: number;
};

export type BudgetLedger = Budget & {
  /** Settles at the worst case what attempts reserved that are closed, taken over or let go, or whose runner is dead; says how many. Cheap: poll it. Orchestrator only. */
  settleDead(): Promise<number>;
  /** What a closed attempt was billed in all, US dollars; what it left open is settled at the worst case first. Orchestrator only. */
  billedTo(attempt: AttemptId): Promise<number>;
  /** Dollars; null lifts the cap, and spending is then only counted. Orchestrator only. */
  setCap(scope: BudgetScope, usd: number | null): Promise<void>;
  /** Of all scopes, by name: those that are asked for, those after one of them, `limit` at most. Every run and ticket is one. Orchestrator only. */
  list(of?: { scopes?: readonly BudgetScope[]; after?: string; limit?: number }): Promise<BudgetLine[]>;
};

const MICRO = 1_000_000;
/** Up, never down: a thousand calls of a fraction of a millionth must not be free. The tolerance takes 0.1 + 0.2 for 0.3. */
const micro = (usd: number) => Math.ceil(usd * MICRO - 1e-6);

/** The budget ledger. A scope without a cap is counted and never refuses. A key is one call. */
export function budgetOn(pool: Pool): BudgetLedger {
  return {
    reserve: (key, scopes, usd) =>
      repeating(pool, async (sql) => {
        const [row] = await sql<
          [{ kind: 'reserved' | 'refused' | 'not_held'; refused_by: string; left_over: number }]
        >`
          select kind, refused_by, left_over from millwright.budget_reserve(${key}, ${textArray(scopes)}::text[], ${micro(usd)})`;
        return row.kind === 'refused'
          ? { kind: 'refused', scope: row.refused_by, left: row.left_over / MICRO }
          : { kind: row.kind };
      }),
    settle: async (key, usd) => {
      await repeating(pool, (sql) => sql`select millwright.budget_settle(${key}, ${micro(usd)})`);
    },
    settleDead: () =>
      pool.use(async (sql) => {
        const [row] = await sql<[{ n: number }]>`select millwright.budget_settle_dead() as n`;
        return row.n;
      }),
    billedTo: (attempt) =>
      repeating(pool, async (sql) => {
        const [row] = await sql<[{ billed: number }]>`
          select millwright.budget_of_attempt(${attempt}) as billed`;
        return row.billed / MICRO;
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
    list: ({ scopes, after, limit } = {}) =>
      pool.use(async (client) => {
        const asked = queries(client)
          .select()
          .from(budgets)
          .where(
            and(
              scopes === undefined ? undefined : inArray(budgets.scope, [...scopes]),
              after === undefined ? undefined : gt(budgets.scope, after as BudgetScope),
            ),
          )
          .orderBy(asc(budgets.scope));
        const rows = await (limit === undefined ? asked : asked.limit(limit));
        return rows.map((row) => ({
          scope: row.scope,
          capUsd: row.cap === null ? null : row.cap / MICRO,
          spentUsd: row.spent / MICRO,
          overrunUsd: row.overrun / MICRO,
          reservedUsd: row.reserved / MICRO,
        }));
      }),
  };
}
