// What the simulator (tools/simulate) puts its own ports under.
export { type Adapters, type Graph, graph } from '../graph.ts';
export { OfflineJournal } from '../releases/offline-journal.ts';
export type { Settings } from '../settings.ts';
export type { Repositories } from '../source-control/repositories.ts';
export type { Fetched, FoundFile, Merged, Pushed, Repository } from '../source-control/repository.ts';
export { knownSecrets } from '../streams/known-secrets.ts';
