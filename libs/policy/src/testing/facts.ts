import type { ChangeFacts, Facts, ReleaseId, Undo } from '@millwright/domain';
import { Facts as Schema } from '@millwright/domain';

// Facts of an ordinary day, for tests: everything in order, step 6, low risk.

const SHA = 'a'.repeat(40);
export const ANN = 'per_annannann';
export const BOB = 'per_bobbobbob';
export const CAT = 'per_catcatcat';

const change = (over: Partial<ChangeFacts> = {}) => ({
  risk: 'low' as const,
  reasons: [],
  size: { files: 1, filesDeleted: 0, added: 3, removed: 1 },
  protectedPaths: [],
  sensitivePaths: [],
  manifests: [],
  testsWeakened: [],
  irreversible: [],
  secrets: [],
  unreadable: [],
  cannotTell: [],
  ...over,
});

const common = {
  repo: 'shop',
  subject: `sha256:${'1'.repeat(64)}`,
  step: 6,
  ceiling: 7,
  halted: false,
  budgetLeftUsd: 5,
  requester: ANN,
  ticket: { kind: 'feature', authorTrusted: true, askedByPerson: true },
  approvals: [],
};

const test = { tree: SHA, verdict: 'passed', namesKnown: true };

/** Rehearsed, unless told. */
export const undo = (over: Partial<Undo> = {}): Undo => ({
  possible: true,
  rehearsed: true,
  ms: 412,
  at: 1,
  to: 'rel_000000000live' as ReleaseId,
  why: null,
  ...over,
});

type Over = { change?: Partial<ChangeFacts> } & Record<string, unknown>;

export function startFacts(over: Record<string, unknown> = {}): Facts {
  return Schema.parse({ action: 'start', ...common, ...over });
}

export function mergeFacts({ change: changed, ...over }: Over = {}): Facts {
  return Schema.parse({
    action: 'merge',
    ...common,
    candidate: { tree: SHA, patchId: SHA },
    change: change(changed),
    quarantine: [],
    baseRewritten: false,
    test,
    review: { patchId: SHA, verdict: 'approve' },
    ...over,
  });
}

export function deployFacts({ change: changed, ...over }: Over = {}): Facts {
  return Schema.parse({
    action: 'deploy',
    ...common,
    candidate: { tree: SHA },
    change: change(changed),
    quarantine: [],
    undecided: [],
    test,
    undo: undo(),
    frozen: false,
    flips: 0,
    ...over,
  });
}
