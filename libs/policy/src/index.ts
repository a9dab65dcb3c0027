export { ChangeFacts, Facts, RiskClass } from '@millwright/domain';
export {
  type Approval,
  type ApprovalRules,
  type Counted,
  countApprovals,
  type Hands,
  handIn,
  stableFacts,
} from './approvals.ts';
export {
  AFTER_CRITICAL,
  type Autonomy,
  type Drop,
  dropAfterCritical,
  dropAfterRollback,
  earnedRaise,
  evolveAutonomy,
  type Lost,
  NO_AUTONOMY,
  served,
  stepFor,
  unserved,
} from './autonomy.ts';
export type { ChangedFile, Side } from './change/file.ts';
export { globMatches, matchesAny } from './change/glob.ts';
export { isNear, shapeOf } from './change/likeness.ts';
export { type PatchFile, parsePatch } from './change/patch.ts';
export { isDocument, isTest } from './change/paths.ts';
export { irreversibleOf, LARGE, type RiskInput, risk } from './change/risk.ts';
export type { PreparedPolicy } from './engine.ts';
export { type Decision, evaluate, MOST_APPROVALS } from './evaluate.ts';
export { type Loaded, loadPolicy, MAX_REPOSITORY_POLICY } from './load.ts';
export { irreversibleText, undoOf } from './undo.ts';
