import { DriveError, retryable, terminal } from '@millwright/domain';
import postgres from 'postgres';

export type Sql = postgres.Sql<{ bigint: number }>;

/**
 * A pool for hot paths. Array types are not fetched (a query a connection): arrays travel as literals, see arrays.ts. Positions are
 * numbers: 2^53 entries is more than there will be.
 */
export function connect(url: string, options: { max: number; onclose?: () => void }): Sql {
  return postgres(url, {
    max: options.max,
    connect_timeout: 10,
    fetch_types: false,
    onnotice: () => undefined,
    ...(options.onclose === undefined ? {} : { onclose: options.onclose }),
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
  });
}

/** SQLSTATE classes and client codes that say: the connection is gone, or there is none to be had now. */
const LOST =
  /^(08...|57P0[1-5]|40001|40P01|53[0-9A-Z]{3}|CONNECTION_.*|CONNECT_TIMEOUT|ECONN.*|EPIPE|ETIMEDOUT)$/;

/** What a driver does about a database error. After 'trail-unreachable' it is unknown whether an append happened: reading tells. */
export function driveError(error: unknown): DriveError {
  if (error instanceof DriveError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  if (code === '53100')
    return retryable(
      'trail-full',
      'the database has no space left on its disk; free some and it goes on',
      1_000,
      error,
    );
  if (LOST.test(code))
    return retryable('trail-unreachable', `the trail cannot be reached: ${message}`, 200, error);
  if (code === '42501') return terminal('trail-forbidden', `the trail refused: ${message}`, error);
  return terminal('trail-failed', `the trail failed: ${message}`, error);
}

/** Runs `query`, throwing only DriveErrors. */
export async function guarded<T>(query: () => Promise<T>): Promise<T> {
  try {
    return await query();
  } catch (error) {
    throw driveError(error);
  }
}

/** A read that lost its connection is asked again, on another: pools find out about dead connections one at a time. Half a second in all. */
export async function reading<T>(
  query: () => Promise<T>,
  pauses: readonly number[] = [20, 100, 400],
): Promise<T> {
  try {
    return await query();
  } catch (error) {
    const drive = driveError(error);
    const [pause, ...rest] = pauses;
    if (drive.disposition !== 'retryable' || pause === undefined) throw drive;
    await new Promise((resolve) => setTimeout(resolve, pause));
    return reading(query, rest);
  }
}
