import { runMigrations } from 'bullmq';
import pg from 'pg';

/**
 * Makes or updates BullMQ's own tables in schema `bullmq`. Idempotent. Run as role `migrator`, after the store's migrations, which make
 * the schema and say who may use what appears in it.
 */
export async function migrateQueue(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 60_000 });
  await client.connect();
  try {
    await runMigrations(client, 'bullmq');
  } finally {
    await client.end();
  }
}
