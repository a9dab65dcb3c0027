import { createRequire } from 'node:module';

// drizzle-orm in its CommonJS build. For every ES module of a package Node 24 reads and parses the package's package.json again, and
// drizzle's is 179 KB of exports: 1.0 s of processor time to import, at each start of each process, and 0.12 s to require.

const require = createRequire(import.meta.url);

export const { and, asc, desc, eq, gt, gte, inArray, isNotNull, lt, sql } =
  require('drizzle-orm') as typeof import('drizzle-orm');
export type { SQL } from 'drizzle-orm';
export const { bigint, customType, pgSchema, primaryKey, text } =
  require('drizzle-orm/pg-core') as typeof import('drizzle-orm/pg-core');
export const { drizzle } = require('drizzle-orm/postgres-js') as typeof import('drizzle-orm/postgres-js');
