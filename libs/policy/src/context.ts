import type { CedarValueJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { ChangeFacts, Facts } from '@millwright/domain';

export type Context = Record<string, CedarValueJson>;

const change = (facts: ChangeFacts): Context => ({
  risk: facts.risk,
  reasons: facts.reasons.map((reason) => reason.code),
  files: facts.size.files,
  filesDeleted: facts.size.filesDeleted,
  lines: facts.size.added + facts.size.removed,
  protectedPaths: facts.protectedPaths,
  sensitivePaths: facts.sensitivePaths,
  manifests: facts.manifests,
  testsWeakened: facts.testsWeakened.length,
  irreversible: facts.irreversible.length,
  secrets: facts.secrets.length,
  unreadable: facts.unreadable.length,
  cannotTell: facts.cannotTell.length,
});

/** Distinct people who count: the requester's own approval never does, however it got into the list. */
export const approvalsOf = (facts: Facts): number =>
  new Set(facts.approvals.filter((person) => String(person) !== String(facts.requester))).size;

/** The step that counts: evidence and administrator set `step`, the repository's file only ever lowers it. */
export const stepOf = (facts: Facts): number => Math.min(facts.step, facts.ceiling);

/** Facts as `default/schema.ts` has them, with `approvals` as given (the real count or a supposed one). */
export function contextOf(facts: Facts, approvals: number): Context {
  const common: Context = {
    step: stepOf(facts),
    approvals,
    halted: facts.halted,
    // Cedar has no fractions: whole cents, rounded down, within its 64 bits.
    budgetLeftCents: Math.floor(Math.max(-1e12, Math.min(1e12, facts.budgetLeftUsd * 100))),
    ticket: { ...facts.ticket },
  };
  if (facts.action === 'start') return common;
  const tested: Context = {
    ...common,
    change: change(facts.change),
    quarantined: facts.quarantine.length,
    testVerdict: facts.test.verdict,
    testOfThisTree: facts.test.tree === facts.candidate.tree,
    testNamesKnown: facts.test.namesKnown,
  };
  if (facts.action === 'merge')
    return {
      ...tested,
      reviewVerdict: facts.review.verdict,
      reviewOfThisPatch: facts.review.patchId === facts.candidate.patchId,
      baseRewritten: facts.baseRewritten,
    };
  return {
    ...tested,
    undoPossible: facts.undo.possible,
    undoRehearsed: facts.undo.rehearsed,
    frozen: facts.frozen,
    flips: facts.flips,
    undecided: facts.undecided.length,
  };
}
