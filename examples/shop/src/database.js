import { readdirSync, readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

const MIGRATIONS = new URL('../migrations/', import.meta.url);

/**
 * Opens the database (`:memory:` for a shop that forgets) and brings it up to date: every file of `migrations/` that it has
 * not seen yet, by name, each in a transaction. A migration that has run once is never changed.
 */
export function openDatabase(path) {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA foreign_keys = ON; CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY)');
  const seen = new Set(
    database
      .prepare('SELECT name FROM migration')
      .all()
      .map((row) => row.name),
  );
  const names = readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith('.sql'))
    .sort();
  for (const name of names.filter((one) => !seen.has(one))) {
    database.exec('BEGIN');
    try {
      database.exec(readFileSync(new URL(name, MIGRATIONS), 'utf8'));
      database.prepare('INSERT INTO migration (name) VALUES (?)').run(name);
      database.exec('COMMIT');
    } catch (error) {
      database.exec('ROLLBACK');
      throw new Error(`migration ${name} failed: ${error.message}`, { cause: error });
    }
  }
  return database;
}
