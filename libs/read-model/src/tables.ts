import { bigint, pgSchema, text } from '@millwright/database/drizzle';

// The rows that are read, for typed queries. `millwright.make_read_model` makes them (libs/store/src/migrations).

/** What is read, or what is filled beside it by a rebuild. */
export type Schema = 'read' | 'read_next';

const read = pgSchema('read');
const number = () => bigint({ mode: 'number' });
const list = (table: string) =>
  read.table(table, {
    id: text().primaryKey(),
    /** In the order in which they came to be. */
    nth: number().notNull(),
    repo: text(),
    state: text().notNull(),
  });

export const READ = {
  parked: read.table('parked', {
    position: number().primaryKey(),
    type: text().notNull(),
    reason: text().notNull(),
  }),
  gates: read.table('gates', { id: text().primaryKey(), run: text().notNull() }),
  runs: list('runs'),
  tickets: list('tickets'),
  releases: list('releases'),
  trailLines: read.table('trail_lines', {
    position: number().primaryKey(),
    type: text().notNull(),
    actor: text().notNull(),
    /** Milliseconds since the epoch. */
    at: number().notNull(),
    run: text(),
    repo: text(),
  }),
  trailActors: read.table('trail_actors', { actor: text().primaryKey() }),
  trailBlocks: read.table('trail_blocks', {
    block: number().primaryKey(),
    earliest: number().notNull(),
    latest: number().notNull(),
  }),
};
