import type { TicketKind, Verdict } from '../artifacts.ts';
import type {
  AttemptOutcome,
  CommitAndTree,
  EntryOf,
  GateAction,
  ParkCause,
  RunEnd,
  Usage,
} from '../entries/index.ts';
import type {
  Actor,
  AttemptId,
  Digest,
  GateId,
  GitSha,
  Instant,
  PatchId,
  PersonId,
  ReleaseId,
  RepoName,
  RunId,
  TaskId,
  TicketId,
} from '../ids.ts';
import type { Role } from '../spec.ts';

/**
 * Why work is asked for again; the digests name the artifacts that say it in full. `change`: what was sent back, null where nothing was handed
 * in.
 */
export type FeedbackRef = { change: Digest | null } & (
  | { kind: 'review'; review: Digest }
  | { kind: 'tests'; report: Digest; failure: Digest | null }
  /** `start`: both sides, with markers. `approved`: the patch that met other work, where a review had approved it. */
  | { kind: 'conflict'; paths: string[]; start: GitSha; approved: PatchId | null }
  | { kind: 'refused'; message: string }
  | { kind: 'answer'; question: string; answer: string }
  | { kind: 'unfinished'; unfinished: Digest }
);

export type Question = { question: string; expiresAt: Instant };

type Made = {
  attempt: AttemptId;
  change: Digest;
  patchId: PatchId;
  from: GitSha;
  tree: GitSha;
  commit: GitSha;
};

/** One piece of implementation work: a task of the plan, or (`task: null`) the run as a whole, when its integrated result needs rework. */
export type Work = {
  task: TaskId | null;
  title: string;
  dependsOn: TaskId[];
  /** What the change is measured against; fixed when its first attempt opens, moved by a conflict. */
  base: CommitAndTree | null;
  /** The tree its workspace starts from. */
  start: GitSha | null;
  made: Made | null;
  integrated: boolean;
  /** How often it was sent back. */
  reworks: number;
  /** How often it could not go on (its implementer said so, or failed for the same again), and what it waits to be told. */
  blocks: number;
  blocked: Question | null;
  /** What its implementer left of it, being too large for one attempt: the planner owes tasks instead of it. */
  unfinished: Digest | null;
  /** All of it, the oldest first. */
  feedback: FeedbackRef[];
  /** True while an (other) attempt of an implementer is owed. */
  pending: boolean;
};

/** `said` is the review, or what the implementer handed in instead of a change. */
export type Dispute = { checks: Digest; by: 'review' | 'implement'; said: Digest };

export type Stage = {
  stage: string;
  role: Role;
  task: TaskId | null;
  attempt: AttemptId;
  spec: Digest;
  inputs: Digest[];
  outcome: AttemptOutcome | null;
  /** The run has drawn its consequence from the outcome. */
  accepted: boolean;
};

export type Gate = {
  gate: GateId;
  action: GateAction;
  subject: Digest;
  expiresAt: Instant;
  decision: 'allow' | 'deny' | 'needs_approval' | null;
  approvalsNeeded: number;
  approvals: PersonId[];
  deniedBy: PersonId | null;
  /** What made the decision so. */
  policies: string[];
  /** An approval arrived after the last decision: judge again. */
  needsJudgement: boolean;
  ended: 'expired' | 'voided' | null;
  reason: string;
};

/** What `release.rehearsed` said, where the release may still go out. */
export type Rehearsed = Pick<EntryOf<'release.rehearsed'>['data'], 'to' | 'ms' | 'at' | 'reason'> & {
  works: boolean;
};

type RunLimits = EntryOf<'run.opened'>['data']['limits'];

export type Run = {
  kind: 'run';
  id: RunId;
  ticket: TicketId;
  repo: RepoName;
  author: Actor;
  ticketDigest: Digest;
  config: Digest;
  base: CommitAndTree;
  /** The run branch: the base with every integrated task on it. */
  head: CommitAndTree;
  deploys: boolean;
  step: number;
  expiresAt: Instant;
  limits: RunLimits;
  gates: Gate[];
  stages: Stage[];
  plan: Digest | null;
  question: Question | null;
  answers: { question: string; answer: string }[];
  tasks: Work[];
  /** How often a task of it was split. */
  splits: number;
  integration: Work;
  reviews: {
    task: TaskId | null;
    patchId: PatchId;
    tree: GitSha | null;
    verdict: 'approve' | 'request_changes';
    review: Digest;
  }[];
  /** The acceptance checks; null until they are written. */
  checks: Digest | null;
  /** Checks that were held against, and went back to their tester; the oldest first. */
  disputes: Dispute[];
  /** The kind of its ticket, where the repository lets that go without checks. */
  checksSkipped: TicketKind | null;
  /** The change that goes without a review; any other is reviewed, or looked at again. */
  reviewSkipped: { patchId: PatchId; tree: GitSha; kind: TicketKind } | null;
  tests: { task: TaskId | null; tree: GitSha; verdict: Verdict; report: Digest }[];
  change: { subject: Digest; base: GitSha; commit: GitSha; tree: GitSha; patchId: PatchId } | null;
  /**
   * The change as its agents made it, on the base that they had. What is carried onto another base is carried from here: on the change of
   * a run before it in the merge queue, what both of them do is no difference, and would be lost with that run.
   */
  own: { base: GitSha; commit: GitSha } | null;
  /** The head that carrying it made; null, or another than the head, once agents worked on. */
  carried: GitSha | null;
  rebases: number;
  /** Its place in the repository's merge queue: it follows the run `behind`, on whose change its base is. Null: it has none. */
  queue: { behind: RunId | null } | null;
  /** The newest commit that its base has of the branch itself. */
  root: GitSha;
  /** Somebody took off the branch what it stood on; only its own patch was carried over. */
  rewritten: boolean;
  merge:
    | { kind: 'started'; gate: GateId }
    | { kind: 'finished'; commit: GitSha; tree: GitSha; delivered: 'merge' | 'branch'; ref: string }
    | { kind: 'refused'; reason: string }
    | null;
  /** Why nothing is released from the merge: it is not on the branch any more. */
  lost: string | null;
  /** What is built instead of the merge itself, since what the merge stands on was rolled back; and how often that was so. */
  rebuiltFrom: (CommitAndTree & { times: number }) | null;
  release: {
    release: ReleaseId;
    artifact: Digest;
    layer: Digest;
    verdict: Verdict;
  } | null;
  /** Of the release above, beside the release that was live then. Null: to be rehearsed before the deploy gate is asked. */
  rehearsal: Rehearsed | null;
  deploy:
    | { kind: 'started'; fence: number }
    | {
        kind: 'finished';
        result: 'promoted' | 'rolled_back' | 'failed';
        live: ReleaseId | null;
        evidence: string;
      }
    | null;
  revert: { kind: 'started' } | { kind: 'finished'; commit: GitSha | null; ref: string } | null;
  /** What of it has signed provenance. */
  attested: { change: boolean; release: boolean };
  stopAsked: { end: 'cancelled' | 'failed'; reason: string } | null;
  /** It waits for a person, and goes on from where it is. */
  parked: { cause: ParkCause; reason: string; remindAt: Instant } | null;
  usage: Usage;
  closed: { end: RunEnd; reason: string } | null;
};

export type RunState = { kind: 'none' } | Run;

export const initialState = (): RunState => ({ kind: 'none' });

export const noUsage = (): Usage => ({
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  usd: 0,
});

export const addUsage = (a: Usage, b: Usage): Usage => ({
  inputTokens: a.inputTokens + b.inputTokens,
  outputTokens: a.outputTokens + b.outputTokens,
  cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
  cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
  usd: a.usd + b.usd,
});

/** The ref that keeps a composed change which did not merge, of a run that is closed or waits for a person; in the factory's own copy. */
export const keptRef = (run: Run): string | null =>
  run.change !== null && run.merge?.kind !== 'finished' && (run.closed !== null || run.parked !== null)
    ? `refs/millwright/runs/${run.id}`
    : null;

export const workOf = (run: Run, task: TaskId | null): Work | undefined =>
  task === null ? run.integration : run.tasks.find((work) => work.task === task);

/** What a person is asked now: by the planner, or by an implementer that is blocked; one at a time. */
export const questionOf = (run: Run): Question | null =>
  run.question ?? [...run.tasks, run.integration].find((work) => work.blocked !== null)?.blocked ?? null;

export const reviewOf = (run: Run, patchId: PatchId) =>
  run.reviews.findLast((review) => review.patchId === patchId);

/** Whether the change as it is goes without a review. */
export const goesUnreviewed = ({ change, reviewSkipped }: Run): boolean =>
  change !== null && reviewSkipped?.tree === change.tree && reviewSkipped.patchId === change.patchId;

/** What was said last of a task's tree. The whole is tested with its checks: a task's test of the same tree says nothing of them. */
export const testOf = (run: Run, task: TaskId | null, tree: GitSha) =>
  run.tests.findLast((test) => test.tree === tree && (task !== null || test.task === null));

/** The gate in force for an action on exactly this subject: a gate for anything else says nothing. */
export const gateOf = (run: Run, action: GateAction, subject: Digest) =>
  run.gates.findLast((gate) => gate.action === action && gate.subject === subject && gate.ended !== 'voided');

export const allows = (gate: Gate | undefined): boolean =>
  gate !== undefined &&
  gate.decision === 'allow' &&
  gate.ended === null &&
  !gate.needsJudgement &&
  gate.deniedBy === null;
