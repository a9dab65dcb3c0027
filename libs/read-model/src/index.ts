export {
  type AttemptInfo,
  Fold,
  type ReleaseInfo,
  type RepoInfo,
  type RunInfo,
} from './fold/fold.ts';
export type { Quarantined } from './fold/quarantine.ts';
export type { TargetInfo } from './fold/targets.ts';
export type { TicketInfo } from './fold/tickets.ts';
export type { Listed } from './list-page.ts';
export { openReadModel, type ReadModel } from './read-model.ts';
export type { LineAt, TrailFilter, TrailPage } from './trail-page.ts';
