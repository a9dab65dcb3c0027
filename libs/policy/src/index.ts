export { type Outcome, readCases, runCase } from './analysis/cases.ts';
export { checkLayer, type Finding } from './analysis/check.ts';
export { explain } from './analysis/explain.ts';
export { judgeAgain, policyOf } from './analysis/replay.ts';
export {
  countApprovals,
  type Hands,
  handIn,
  stableFacts,
} from './approvals.ts';
export type { ChangedFile, Side } from './change/file.ts';
export { isNear, shapeOf } from './change/likeness.ts';
export { parsePatch } from './change/patch.ts';
export { isDocument, isPictureOfDocs, isTest } from './change/paths.ts';
export { irreversibleOf, risk, secretsBrought } from './change/risk.ts';
export { policyDigest } from './digest.ts';
export { type Decision, evaluate } from './evaluate.ts';
export { DEFAULT_POLICY, defaultPolicies, type Layers, loadPolicy, readLayer } from './load.ts';
export type { Problem } from './read.ts';
export { irreversibleText, undoOf } from './undo.ts';
