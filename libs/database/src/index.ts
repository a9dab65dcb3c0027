export { connect, type Sql } from './connect.ts';
export { type Ear, openEar } from './ear.ts';
export { type DatabaseOf, driveError } from './errors.ts';
export { type OnForbidden, openPool, type Pool, type PoolOptions, repeating } from './pool.ts';
