export type { Upcast } from './rows.ts';
export { type AttemptStream, type HeldClaim, openRunnerTrail, type RunnerTrail } from './runner.ts';
export { type DeadClaim, type OpenTrail, openRedactor, openTrail } from './trail.ts';
