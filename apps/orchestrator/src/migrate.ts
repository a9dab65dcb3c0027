import { setTimeout as sleep } from 'node:timers/promises';
import { DriveError, terminal } from '@millwright/domain';
import { migrateQueue } from '@millwright/queue';
import { bootstrap, migrate } from '@millwright/store';

// Runs once before the factory, as the role that owns the database; no other process has its password.

const need = (name: string): string => {
  const value = process.env[name];
  if (!value) throw terminal('environment', `${name} is not set`);
  return value;
};

const url = need('MIGRATE_URL');
const passwords = {
  orchestrator: need('MILLWRIGHT_ORCHESTRATOR_PASSWORD'),
  runner: need('MILLWRIGHT_RUNNER_PASSWORD'),
  redactor: need('MILLWRIGHT_REDACTOR_PASSWORD'),
};
/** A database that is just starting, or on a machine that is busy, is asked again. Milliseconds. */
const PATIENCE_MS = 120_000;
const until = Date.now() + PATIENCE_MS;
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DriveError) || error.disposition !== 'retryable' || Date.now() > until)
      throw error;
    process.stderr.write(`${error.message}; asking again\n`);
    await sleep(error.retryAfterMs);
    return patiently(work);
  }
}

/** As a superuser: makes the role that owns the database, and the database, where they are not there. */
const { MILLWRIGHT_BOOTSTRAP_URL: superuser } = process.env;
if (superuser) {
  const { password, pathname } = new URL(url);
  const made = { database: pathname.slice(1), password: decodeURIComponent(password) };
  await patiently(() => bootstrap(superuser, made));
}
const { applied } = await patiently(() => migrate(url, { passwords })).catch((error: unknown) => {
  if (!(error instanceof DriveError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
await migrateQueue(url);
process.stdout.write(applied.length > 0 ? `applied ${applied.join(', ')}\n` : 'the database is up to date\n');
