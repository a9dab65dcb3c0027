export { bytesArray, numberArray, numbersOf, textArray } from './arrays.ts';
export { connect, type Sql, type TransactionSql } from './connect.ts';
export { driveError } from './errors.ts';
export { openPgListener } from './pg-listener.ts';
export { type OnForbidden, openPool, type Pool, type PoolOptions, repeating } from './pool.ts';
export { transaction } from './transaction.ts';
