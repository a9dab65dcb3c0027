// What the simulator (tools/simulate) puts its own ports under, and what the fault tests (tools/faults) start.
export { type Adapters, type Graph, graph } from '../graph.ts';
export { OfflineJournal } from '../releases/offline-journal.ts';
export type { Settings } from '../settings.ts';
export { Repositories } from '../source-control/repositories.ts';
export type { Fetched, FoundFile, Merged, Pushed, Repository } from '../source-control/repository.ts';
export { knownSecrets } from '../streams/known-secrets.ts';
export { ADMIN_TOKEN, git, gitRemote } from './scripted-factory.ts';
export { artifactOf } from './scripted-runner.ts';
export { shopFiles, shopRelease } from './shop-release.ts';
