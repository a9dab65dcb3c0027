export { deploy } from './deploy.ts';
export type { DockerPlace } from './docker/place.ts';
export { reapOrphans } from './docker/remove.ts';
export { dockerTarget } from './docker/target.ts';
export { type Effect, type EffectRecord, Effects, Fenced, type Journal } from './effect.ts';
export { type Judgement, judge, type Seen, wilson } from './judge.ts';
export type { DeployOrder, DeployResult, RollbackOrder, RollbackResult, StepSeen, Verdict } from './order.ts';
export { rollback } from './rollback.ts';
export type {
  Counters,
  Failure,
  FailureCode,
  Probe,
  ReleaseRef,
  ReleaseState,
  Replica,
  RunAs,
  Target,
  TargetState,
  Weights,
} from './target.ts';
