import { terminal } from '@millwright/domain';
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
/** As a superuser: makes the role that owns the database, and the database, where they are not there. */
const { MILLWRIGHT_BOOTSTRAP_URL: superuser } = process.env;
if (superuser) {
  const { password, pathname } = new URL(url);
  await bootstrap(superuser, { database: pathname.slice(1), password: decodeURIComponent(password) });
}
const { applied } = await migrate(url, { passwords });
await migrateQueue(url);
process.stdout.write(applied.length > 0 ? `applied ${applied.join(', ')}\n` : 'the database is up to date\n');
