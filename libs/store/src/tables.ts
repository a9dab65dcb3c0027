import type { Sql } from '@millwright/database';
import { bigint, customType, drizzle, pgSchema, primaryKey, text } from '@millwright/database/drizzle';

// The tables that are read and written as rows, for typed queries. The migrations make them and hold their checks; what must be one
// step in the database (appends, claims, reservations, artifacts) is a function there and is called as SQL.

const bytes = customType<{ data: Buffer; driverData: Uint8Array }>({ dataType: () => 'bytea' });
const millwright = pgSchema('millwright');

export const people = millwright.table('people', {
  id: text().primaryKey(),
  name: text().notNull(),
  tokenHash: bytes('token_hash'),
  codeHash: bytes('code_hash'),
  /** Milliseconds since the epoch. */
  codeExpiresAt: bigint('code_expires_at', { mode: 'number' }),
});

export const personNameKeys = millwright.table('person_name_keys', {
  key: text().primaryKey(),
  person: text().notNull(),
});

export const secrets = millwright.table(
  'secrets',
  { repo: text().notNull(), name: text().notNull(), sealed: bytes().notNull(), prints: text().notNull() },
  (table) => [primaryKey({ columns: [table.repo, table.name] })],
);

/** Money in whole millionths of a dollar. */
export const budgets = millwright.table('budgets', {
  scope: text().primaryKey(),
  cap: bigint({ mode: 'number' }),
  spent: bigint({ mode: 'number' }).notNull().default(0),
  overrun: bigint({ mode: 'number' }).notNull().default(0),
  reserved: bigint({ mode: 'number' }).notNull().default(0),
});

export const idempotencyKeys = millwright.table(
  'idempotency_keys',
  { scope: text().notNull(), key: text().notNull(), value: text().notNull() },
  (table) => [primaryKey({ columns: [table.scope, table.key] })],
);

/** Queries on one pool's client. It only wraps the client, so that a pool which is replaced takes its queries along. */
export const queries = (sql: Sql) => drizzle(sql);
