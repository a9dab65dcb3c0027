import type { Queue } from '@millwright/domain';
import { runMigrations } from 'bullmq';
import pg from 'pg';

type Topic = Parameters<Queue['wake']>[0];
const TOPICS: readonly Topic[] = ['attempts', 'runs'];

/**
 * Makes or updates BullMQ's own tables in schema `bullmq`. Idempotent. Run as role `migrator`, after the store's migrations, which make
 * the schema and say who may use what appears in it.
 */
export async function migrateQueue(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 60_000 });
  await client.connect();
  try {
    await runMigrations(client, 'bullmq');
    // BullMQ makes a queue's sequence of job ids at its first job, which only the schema's owner may: so it is made here.
    for (const topic of TOPICS) await client.query('select bullmq.next_job_id($1)', [topic]);
  } finally {
    await client.end();
  }
}
