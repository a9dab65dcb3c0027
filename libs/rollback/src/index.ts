export type { Steering } from './canary/watch.ts';
export { deploy, discard, prepareRelease, retire } from './deploy/deploy.ts';
export type { EffectRecord, Journal } from './deploy/effect.ts';
export {
  type DeployOrder,
  type DeployResult,
  Hold,
  type Judged,
  type PrepareResult,
  type Rehearsal,
  type RollbackResult,
} from './deploy/order.ts';
export { rehearse } from './deploy/rehearse.ts';
export { rollback } from './deploy/rollback.ts';
export type { Stuck } from './deploy/verify.ts';
export type { Desired } from './reconcile/divergence.ts';
export { type LiveMemory, NOTHING_SEEN, watchLive } from './reconcile/live.ts';
export { differs, type Reconciled, reconcile } from './reconcile/reconcile.ts';
export { commandTarget } from './targets/command/target.ts';
export { reapOrphans } from './targets/docker/remove.ts';
export { dockerTarget } from './targets/docker/target.ts';
export type {
  ReleaseRef,
  RunConfig,
  Target,
  TargetState,
} from './targets/target.ts';
