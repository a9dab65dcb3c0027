import { DriveError, retryable, terminal } from '@millwright/domain';

/** What a database is asked for: the first half of its errors' codes, as in 'trail-unreachable'. */
export type DatabaseOf = 'trail' | 'store' | 'views';

/**
 * SQLSTATE classes and client codes that say: the connection is gone, or there is none to be had now (a Unix socket is not there, or its queue is full;
 * a container's name is not known while it is away).
 */
const LOST =
  /^(08...|57P0[1-5]|40001|40P01|53[0-9A-Z]{3}|CONNECTION_.*|CONNECT_TIMEOUT|ECONN.*|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ENOTFOUND|ENOENT|EAGAIN)$/;

/**
 * What a driver does about a database error: retryable `-full` and `-unreachable`, terminal `-forbidden` and `-failed`. After
 * `-unreachable` it is unknown whether a change happened.
 */
export function driveError(of: DatabaseOf, error: unknown): DriveError {
  if (error instanceof DriveError) return error;
  // Typed queries wrap the database's error, their own message being the statement and its values, which no log needs.
  const said = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = said instanceof Error && 'code' in said ? String(said.code) : '';
  const message = said instanceof Error ? said.message : String(said);
  if (code === '53100')
    return retryable(
      `${of}-full`,
      'the database has no space left on its disk; free some and it goes on',
      1_000,
      said,
    );
  if (LOST.test(code))
    return retryable(`${of}-unreachable`, `the database cannot be reached: ${message}`, 200, said);
  if (code === '42501') return terminal(`${of}-forbidden`, `the database refused: ${message}`, said);
  return terminal(`${of}-failed`, `the database failed: ${message}`, said);
}
