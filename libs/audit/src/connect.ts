import { driveError as driveErrorOf, type PoolOptions, openPool as poolOf } from '@millwright/database';

export {
  type OnForbidden,
  openPgListener,
  type Pool,
  repeating as reading,
  type Sql,
  transaction,
} from '@millwright/database';

/** A pool of the trail's connections. `deadlineMs` defaults to 10 s. */
export const openPool = (url: string, options: Partial<PoolOptions> & { max: number }) =>
  poolOf('trail', url, {
    deadlineMs: 10_000,
    max_lifetime: null, // its default ends a session after 30 to 60 minutes, and with it the lock that says a runner lives
    ...options,
  });

/** After 'trail-unreachable' it is unknown whether an append happened: reading tells. */
export const driveError = (error: unknown) => driveErrorOf('trail', error);
