import type { GateAction } from '@millwright/domain';
import type { Context } from '../context.ts';

// What a gate judges on an ordinary day, as policies read it: everything in order, step 6, low risk, nobody asked. Cases of a policy say what
// differs from it.

const common: Context = {
  step: 6,
  approvals: 0,
  halted: false,
  budgetLeftCents: 500,
  ticket: { kind: 'feature', authorTrusted: true, askedByPerson: true },
};

const tested: Context = {
  ...common,
  change: {
    risk: 'low',
    reasons: [],
    files: 1,
    filesDeleted: 0,
    lines: 4,
    protectedPaths: [],
    sensitivePaths: [],
    manifests: [],
    testsWeakened: 0,
    irreversible: 0,
    secrets: 0,
    unreadable: 0,
    cannotTell: 0,
  },
  quarantined: 0,
  testVerdict: 'passed',
  testOfThisTree: true,
  testNamesKnown: true,
};

export const ORDINARY: Readonly<Record<GateAction, Context>> = {
  start: common,
  merge: { ...tested, reviewVerdict: 'approve', reviewOfThisPatch: true, baseRewritten: false },
  deploy: { ...tested, undoPossible: true, undoRehearsed: true, frozen: false, flips: 0, undecided: 0 },
};
