import { z } from 'zod';
import { TicketKind, Verdict } from './artifacts.ts';
import {
  Actor,
  Digest,
  GateId,
  GitSha,
  Instant,
  PatchId,
  PersonId,
  ReleaseId,
  RepoName,
  RunId,
  UnitName,
} from './ids.ts';

// What a gate judges, as an artifact. Every fact is computed by the factory, none is said by a model. A fact that is not known is
// left out by the one who asks, and then the answer is a final deny: there is no default for a fact.

const Where = { path: z.string().max(4_096), line: z.number().int().nonnegative() };
const Text = z.string().max(500);

export const RiskClass = z.enum(['trivial', 'low', 'raised']);
export type RiskClass = z.infer<typeof RiskClass>;

/** What `risk()` of libs/policy computes from changed paths, the bytes of both their sides and configuration. Lists are bounded; `risk` counts what was cut. */
export const ChangeFacts = z.strictObject({
  risk: RiskClass,
  /** Why it is not of a lower class; empty for trivial. `code` is stable, `text` is for people. */
  reasons: z.array(z.strictObject({ code: z.string().max(64), text: Text })).max(64),
  size: z.strictObject({
    files: z.number().int().nonnegative(),
    /** Files that are there before it and not after it. One that is moved or renamed goes from where it was. */
    filesDeleted: z.number().int().nonnegative(),
    /** Lines, as git counts them. */
    added: z.number().int().nonnegative(),
    removed: z.number().int().nonnegative(),
  }),
  /** Paths that are always protected, or that the repository's `protected` names. */
  protectedPaths: z.array(z.string()).max(200),
  /** Paths of authentication, payment and policy: two people, as for protected ones. */
  sensitivePaths: z.array(z.string()).max(200),
  /** Dependency manifests and lockfiles changed. */
  manifests: z.array(z.string()).max(200),
  /** How the change removes or weakens tests, one sentence each. */
  testsWeakened: z.array(Text).max(100),
  /** What cannot be taken back once it ran: `DROP TABLE`, a force-push, and the like. */
  irreversible: z.array(z.strictObject({ ...Where, statement: Text, what: Text.optional() })).max(100),
  /** Never the secret itself: what kind, and where. */
  secrets: z.array(z.strictObject({ ...Where, kind: z.string().max(64) })).max(100),
  /** Files that are meant as text and are none (they do not decode, or have NUL in them): nobody can say what they do. */
  unreadable: z.array(z.strictObject({ path: Where.path, why: Text })).max(100),
  /** What could not be searched for secrets and irreversible acts. It is not known to have none. */
  cannotTell: z.array(z.strictObject({ path: Where.path, what: Text })).max(100),
});
export type ChangeFacts = z.infer<typeof ChangeFacts>;

const common = {
  repo: RepoName,
  /** What an approval is bound to: the digest of ticket (start), change (merge) or release (deploy). */
  subject: Digest,
  /** The step in force for this repository, and the ceiling its `millwright.yaml` sets. The lower one counts. */
  step: z.number().int().min(0).max(7),
  ceiling: z.number().int().min(0).max(7),
  /** The kind of change whose loss made `step` what it is, and what was rolled back. Left out where the repository's step is in force. */
  lost: z
    .strictObject({
      kind: TicketKind,
      release: ReleaseId.nullable(),
      /** It is of another kind, and touches this, as what was rolled back did. */
      path: z.string().max(4_096).optional(),
    })
    .optional(),
  halted: z.boolean(),
  budgetLeftUsd: z.number(),
  /** Who asked for the work: never counted as an approver of it. */
  requester: Actor,
  ticket: z.strictObject({
    kind: TicketKind,
    /** The author is enrolled with the role `author` or `admin`. */
    authorTrusted: z.boolean(),
    /** False for a ticket that a schedule, a metric or an advisory filed. */
    askedByPerson: z.boolean(),
  }),
  /** Who approved this subject so far, as `countApprovals()` of libs/policy admits them. */
  approvals: z.array(PersonId).max(100),
};

const Tested = z.strictObject({
  /** The tree that the report is of. */
  tree: GitSha,
  verdict: z.enum([...Verdict.options, 'none']),
  /** False where the runner is not one whose tests' names the factory can read. */
  namesKnown: z.boolean(),
});

/** Whether this release can be gone back from: tried on its target, not supposed. */
export const Undo = z.strictObject({
  possible: z.boolean(),
  /** It went forth and back beside the release that is live now. */
  rehearsed: z.boolean(),
  /** How long that took, in milliseconds, and when it was. */
  ms: z.number().nonnegative().nullable(),
  at: Instant.nullable(),
  /** Who serves after it; null where nobody did before, so that going back is stopping it. */
  to: ReleaseId.nullable(),
  /** Why not, in a few words: "drops column `weight`". Null where it is possible. */
  why: Text.nullable(),
});
export type Undo = z.infer<typeof Undo>;

/** What of the repository's quarantine it holds; empty lets it through. */
const Quarantine = z
  .array(
    z.strictObject({
      commit: GitSha,
      release: ReleaseId,
      how: z.enum(['commit', 'patch', 'difference']),
      /** The commit that holds it. */
      as: GitSha,
    }),
  )
  .max(1_000);

/** Merges that it would carry, and that wait for people at the deploy gate of their own run. */
const Undecided = z.array(z.strictObject({ run: RunId, commit: GitSha, gate: GateId })).max(100);

export const Facts = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('start'), ...common }),
  z.strictObject({
    action: z.literal('merge'),
    ...common,
    candidate: z.strictObject({ tree: GitSha, patchId: PatchId }),
    quarantine: Quarantine,
    change: ChangeFacts,
    test: Tested,
    /** Somebody took off the branch what the change was made on; only its own patch was carried over. */
    baseRewritten: z.boolean(),
    review: z.strictObject({
      patchId: PatchId,
      verdict: z.enum(['approve', 'request_changes', 'skipped', 'none']),
    }),
  }),
  z.strictObject({
    action: z.literal('deploy'),
    ...common,
    /** The tree that the release was built from. */
    candidate: z.strictObject({ tree: GitSha }),
    quarantine: Quarantine,
    /** Everything between the live release and this one, not only this run's change. */
    change: ChangeFacts,
    /** Of the release as built, not of the sources. */
    test: Tested,
    undo: Undo,
    undecided: Undecided,
    /** `release freeze` was said of this target. */
    frozen: z.boolean(),
    /** How often traffic went back and forth between this release and another; 0 for one that never served. */
    flips: z.number().int().nonnegative(),
  }),
]);
export type Facts = z.infer<typeof Facts>;

/**
 * What a gate was judged on, as it was kept then: read back for people, and to see what has changed since, never to judge. An older factory knew
 * fewer facts, so that only those that are read of it are asked for here.
 */
export const JudgedFacts = z.discriminatedUnion('action', [
  z.looseObject({ action: z.literal('start') }),
  z.looseObject({ action: z.literal('merge'), quarantine: Quarantine }),
  z.looseObject({ action: z.literal('deploy'), quarantine: Quarantine, undo: Undo, undecided: Undecided }),
]);
export type JudgedFacts = z.infer<typeof JudgedFacts>;

const PolicyText = z.string().max(65_536);

/** The policy that a gate was judged by, every text of it: what was decided can be explained, and judged again, at any time and place. */
export const JudgedBy = z.strictObject({
  /** What Millwright came with. */
  default: PolicyText,
  factory: PolicyText.nullable(),
  /** That its repository was of then. */
  unit: z.strictObject({ unit: UnitName, text: PolicyText.nullable() }),
  repository: PolicyText.nullable(),
});
export type JudgedBy = z.infer<typeof JudgedBy>;
