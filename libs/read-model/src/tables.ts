import { bigint, pgSchema, text } from '@millwright/database/drizzle';

// The rows of the read model, for typed queries. `millwright.make_read_model` makes them (libs/store/src/migrations).

const position = () => bigint({ mode: 'number' });

/** The tables of what is read, or of what is filled beside it by a rebuild. */
export function tablesOf(name: 'read' | 'read_next') {
  const schema = pgSchema(name);
  return {
    name,
    parked: schema.table('parked', {
      position: position().primaryKey(),
      type: text().notNull(),
      reason: text().notNull(),
    }),
    trailLines: schema.table('trail_lines', {
      position: position().primaryKey(),
      type: text().notNull(),
      actor: text().notNull(),
      /** Milliseconds since the epoch. */
      at: bigint({ mode: 'number' }).notNull(),
      run: text(),
      repo: text(),
    }),
    trailActors: schema.table('trail_actors', { actor: text().primaryKey() }),
    trailBlocks: schema.table('trail_blocks', {
      block: bigint({ mode: 'number' }).primaryKey(),
      earliest: bigint({ mode: 'number' }).notNull(),
      latest: bigint({ mode: 'number' }).notNull(),
    }),
  };
}

export const READ = tablesOf('read');
