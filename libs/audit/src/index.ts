export { parseSignatureLines, toBase64 } from './proof/index.ts';
export { openRedactor, type Redactor } from './redactor.ts';
export type { Upcast } from './rows.ts';
export { type AttemptStream, type HeldClaim, openRunnerTrail, type RunnerTrail } from './runner.ts';
export type { SignedCheckpoint } from './seal/checkpoints.ts';
export { type LogPage, openProver, type Prover } from './seal/prover.ts';
export {
  openSealer,
  type Sealer,
  type SealerOptions,
  type SealerState,
  type Witnesses,
  type WitnessSeen,
} from './seal/sealer.ts';
export { type VerifyOptions, verifyTrail } from './seal/verify.ts';
export { type DeadClaim, type OpenTrail, openTrail } from './trail.ts';
