export { artifactPlace } from './artifact-place.ts';
export { dump, entriesOf, load, ownMigrations } from './backup.ts';
export type { BudgetLine } from './budget.ts';
export { databaseTrouble } from './check.ts';
export { type Lease, type LeaseOptions, openLease } from './lease.ts';
export { bootstrap, migrate } from './migrate.ts';
export { hashToken, type ListedPerson, type Person } from './people.ts';
export { openSecrets, type Secrets } from './secrets.ts';
export { openStore, type Store } from './store.ts';
