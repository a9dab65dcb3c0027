export { queueTrouble } from './check.ts';
export { migrateQueue } from './migrate.ts';
export { openQueue } from './queue.ts';
