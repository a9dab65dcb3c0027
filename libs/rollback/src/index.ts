export {
  type Check,
  type CheckContext,
  type CheckResult,
  httpCheck,
  type PrometheusRule,
  prometheusCheck,
  type SmokeRun,
  smokeCheck,
} from './canary/checks.ts';
export type { Judgement } from './canary/judge.ts';
export { type CommandPlace, commandTarget } from './command/target.ts';
export { deploy, discard, prepareRelease, retire } from './deploy.ts';
export type { DockerPlace } from './docker/place.ts';
export { reapOrphans } from './docker/remove.ts';
export { dockerTarget } from './docker/target.ts';
export { type Effect, type EffectRecord, Effects, Fenced, type Journal } from './effect.ts';
export {
  type DeployOrder,
  type DeployResult,
  type HeldBack,
  Hold,
  type Judged,
  type PrepareResult,
  type Rehearsal,
  type RollbackOrder,
  type RollbackResult,
  type Steering,
  type StepSeen,
  type Verdict,
} from './order.ts';
export type { Desired, Divergence } from './reconcile/divergence.ts';
export { type LiveMemory, type LiveSample, NOTHING_SEEN, watchLive } from './reconcile/live.ts';
export { HEAL_LIMITS, type HealLimits, type HealMemory, NO_HEALS } from './reconcile/policy.ts';
export { differs, type Reconciled, reconcile } from './reconcile/reconcile.ts';
export { rehearse } from './rehearse.ts';
export { resolveChecks } from './resolve-checks.ts';
export { rollback } from './rollback.ts';
export type {
  Counters,
  Failure,
  FailureCode,
  Probe,
  ReleaseRef,
  ReleaseState,
  Replica,
  RunConfig,
  Smoked,
  Target,
  TargetState,
  Weights,
} from './target.ts';
export type { Stuck, Verification } from './verify.ts';
