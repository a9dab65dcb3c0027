export {
  type Appended,
  type Appends,
  appendWith,
  type Known,
  readStream,
  type Say,
} from './append-with.ts';
export { type AttemptStream, attemptStream, type HeldClaim } from './attempt-stream.ts';
export { parseSignatureLines, toBase64 } from './proof/index.ts';
export { openRedactor, type Redactor } from './redactor.ts';
export { openRunnerTrail, type RunnerTrail } from './runner.ts';
export type { SignedCheckpoint } from './seal/checkpoints.ts';
export { openProver, type Prover } from './seal/prover.ts';
export {
  openSealer,
  type Sealer,
  type WitnessSeen,
} from './seal/sealer.ts';
export { sizeOfNote } from './seal/size-of-note.ts';
export { verifyTrail } from './seal/verify.ts';
export { type DeadClaim, type OpenTrail, openTrail, type WritableTrail } from './trail.ts';
