export { MAX_ARTIFACT_BYTES } from './artifacts.ts';
export type { BudgetLedger, BudgetLine } from './budget.ts';
export { type Lease, openLease } from './lease.ts';
export { type AppRole, bootstrap, migrate } from './migrate.ts';
export { hashToken, type ListedPerson, type People, type Person } from './people.ts';
export type { RunnerNote, RunnerNotes } from './runner-notes.ts';
export { openSecrets, type Secrets } from './secrets.ts';
export { openStore, type Store } from './store.ts';
