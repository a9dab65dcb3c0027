import { DriveError, retryable, terminal } from '@millwright/domain';
import postgres from 'postgres';

export type Sql = postgres.Sql<{ bigint: number }>;

/** A pool. `bigint` columns are numbers here: sizes, counters and positions stay far below 2^53. */
export function connect(url: string, maxConnections: number): Sql {
  return postgres(url, {
    max: maxConnections,
    connect_timeout: 10,
    idle_timeout: 60, // a connection costs the embedded server some 5 MB
    onnotice: () => undefined,
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
  });
}

/** SQLSTATE class 08, 57P0x, and the client's own codes: the connection is gone and whether the statement ran is unknown. */
const LOST =
  /^(08...|57P0[1-5]|40001|40P01|53[0-9A-Z]{3}|CONNECTION_.*|CONNECT_TIMEOUT|ECONN.*|EPIPE|ETIMEDOUT)$/;

/** What a caller does about a database error: retry a lost connection, give up on the rest. */
export function driveError(error: unknown): DriveError {
  if (error instanceof DriveError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  if (code === '53100')
    return retryable(
      'store-full',
      'the database has no space left on its disk; free some and it goes on',
      1_000,
      error,
    );
  if (LOST.test(code))
    return retryable('store-unreachable', `the database cannot be reached: ${message}`, 200, error);
  if (code === '42501') return terminal('store-forbidden', `the database refused: ${message}`, error);
  return terminal('store-failed', `the database failed: ${message}`, error);
}

/** Runs `query`, throwing only DriveErrors. */
export async function guarded<T>(query: () => Promise<T>): Promise<T> {
  try {
    return await query();
  } catch (error) {
    throw driveError(error);
  }
}
