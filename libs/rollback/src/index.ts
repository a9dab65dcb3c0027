export { commandTarget } from './command/target.ts';
export { deploy, discard, prepareRelease, retire } from './deploy.ts';
export { reapOrphans } from './docker/remove.ts';
export { dockerTarget } from './docker/target.ts';
export type { EffectRecord, Journal } from './effect.ts';
export {
  type DeployOrder,
  type DeployResult,
  Hold,
  type Judged,
  type PrepareResult,
  type Rehearsal,
  type RollbackResult,
  type Steering,
} from './order.ts';
export type { Desired } from './reconcile/divergence.ts';
export { type LiveMemory, NOTHING_SEEN, watchLive } from './reconcile/live.ts';
export { differs, type Reconciled, reconcile } from './reconcile/reconcile.ts';
export { rehearse } from './rehearse.ts';
export { rollback } from './rollback.ts';
export type {
  ReleaseRef,
  RunConfig,
  Target,
  TargetState,
} from './target.ts';
export type { Stuck } from './verify.ts';
