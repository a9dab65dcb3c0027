import type { Sql, TransactionSql } from './connect.ts';

/** The connection is gone, or about to be: there is nobody left to roll anything back. */
const GONE = /^(08...|57P0[1-5]|CONNECTION_.*|CONNECT_TIMEOUT|ECONN.*|EPIPE|ETIMEDOUT)$/;

/**
 * A transaction. postgres.js (3.4.9) sends its rollback, and whatever else `work` says next, to a connection that was lost as well, whose socket is
 * null by then: an exception that nobody can catch and that ends the process (porsager/postgres, `nextWrite` in connection.js). So after the
 * connection is gone nothing is sent any more: what `work` still says rejects here, and the database rolls back by itself.
 */
export async function transaction<T>(
  sql: Sql,
  mode: string,
  work: (tx: TransactionSql) => Promise<T>,
): Promise<T> {
  let over: { reason: unknown } | null = null;
  return new Promise<T>((resolve, reject) => {
    const end = (reason: unknown) => {
      over ??= { reason };
      reject(reason);
    };
    const guarded = (tx: TransactionSql) =>
      new Proxy(tx, {
        apply: (target, self, given) => {
          if (over !== null) throw over.reason;
          return Reflect.apply(target, self, given);
        },
      });
    const began = sql.begin(mode, (tx) =>
      work(guarded(tx)).catch((error: unknown) => {
        if (!(error instanceof Error && 'code' in error && GONE.test(String(error.code)))) throw error;
        end(error);
        return new Promise<never>(() => undefined);
      }),
    ) as Promise<T>;
    began.then(resolve, end);
  });
}
