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
export { type Decision, evaluate } from './evaluate.ts';
export { loadPolicy } from './load.ts';
export { irreversibleText, undoOf } from './undo.ts';
