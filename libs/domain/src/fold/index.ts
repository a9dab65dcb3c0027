export { type AttemptInfo, Fold, type ReleaseInfo, type RepoInfo, type RunInfo } from './fold.ts';
export type { Quarantined } from './quarantine.ts';
export type { TargetInfo } from './targets.ts';
export { type TicketInfo, ticketOf } from './tickets.ts';
