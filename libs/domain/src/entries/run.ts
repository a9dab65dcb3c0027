import { z } from 'zod';
import { TicketKind, Verdict } from '../artifacts.ts';
import {
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
import { Role } from '../spec.ts';
import { freeText } from '../words.ts';
import { AttemptOutcome, Usage } from './attempt.ts';
import { CommitAndTree, e, reason } from './form.ts';

export const GateAction = z.enum(['start', 'merge', 'deploy']);
export type GateAction = z.infer<typeof GateAction>;

export const RunEnd = z.enum(['done', 'failed', 'cancelled', 'rolled_back', 'denied']);
export type RunEnd = z.infer<typeof RunEnd>;

/** What a parked run waits for: people at a gate that nobody answered, or a cap that was reached. */
export const ParkCause = z.enum(['gate', 'budget']);
export type ParkCause = z.infer<typeof ParkCause>;

/** `run/<id>` */
export const runEntries = [
  e('run.opened', {
    run: RunId,
    ticket: TicketId,
    repo: RepoName,
    author: Actor,
    ticketDigest: Digest,
    config: Digest,
    base: CommitAndTree,
    deploys: z.boolean(),
    step: z.number().int(),
    expiresAt: Instant,
    limits: z.strictObject({
      reworks: z.number().int(),
      attempts: z.number().int(),
      tasks: z.number().int(),
      rebases: z.number().int(),
    }),
  }),
  e('gate.asked', { gate: GateId, action: GateAction, subject: Digest, facts: Digest, expiresAt: Instant }),
  e('gate.decided', {
    gate: GateId,
    decision: z.enum(['allow', 'deny', 'needs_approval']),
    policies: z.array(z.string()),
    approvals: z.number().int(),
    facts: Digest,
    /** The policy's texts, `JudgedBy`; what is older has none. */
    judgedBy: Digest.optional(),
    reason,
  }),
  e('gate.approved', { gate: GateId, person: PersonId, subject: Digest, reason }),
  e('gate.denied', { gate: GateId, person: PersonId, reason }),
  e('gate.expired', { gate: GateId }),
  e('gate.voided', { gate: GateId, reason }),
  e('stage.opened', {
    stage: z.string(),
    role: Role,
    task: TaskId.nullable(),
    attempt: AttemptId,
    spec: Digest,
    inputs: z.array(Digest),
  }),
  e('stage.closed', { stage: z.string(), attempt: AttemptId, outcome: AttemptOutcome, usage: Usage }),
  e('plan.accepted', {
    plan: Digest,
    tasks: z.array(z.strictObject({ id: TaskId, title: freeText(z.string()), dependsOn: z.array(TaskId) })),
  }),
  /** A task that was too large for one attempt is done as these instead, in its place; `plan` is the whole plan as it is now. */
  e('plan.revised', {
    plan: Digest,
    task: TaskId,
    tasks: z.array(z.strictObject({ id: TaskId, title: freeText(z.string()), dependsOn: z.array(TaskId) })),
  }),
  /** A person adds to what an agent at work is to do; its attempt's stream has the words for it. */
  e('run.steered', { attempt: AttemptId, text: freeText(z.string().min(1).max(4_000)) }),
  e('question.asked', { question: freeText(z.string().max(20_000)), plan: Digest, expiresAt: Instant }),
  e('question.answered', { answer: freeText(z.string().max(20_000)) }),
  e('task.changed', {
    task: TaskId.nullable(),
    attempt: AttemptId,
    change: Digest,
    patchId: PatchId,
    from: GitSha,
    tree: GitSha,
    commit: GitSha,
  }),
  /** The same tests failed for the same cause before: a person is asked, where another attempt would be paid for the same again. */
  e('task.stuck', {
    task: TaskId.nullable(),
    failure: Digest,
    question: freeText(z.string().max(20_000)),
    expiresAt: Instant,
  }),
  /** Its implementer says that there is no change to make here, or that it cannot be made here: a person is asked. */
  e('task.blocked', {
    task: TaskId.nullable(),
    attempt: AttemptId,
    blocked: Digest,
    question: freeText(z.string().max(20_000)),
    expiresAt: Instant,
  }),
  /** Too large for one attempt. `tree` is what is kept of it, null where nothing was done: the planner splits it, or (the whole) its implementer goes on from there. */
  e('task.unfinished', {
    task: TaskId.nullable(),
    attempt: AttemptId,
    unfinished: Digest,
    tree: GitSha.nullable(),
    reason,
  }),
  e('task.reviewed', {
    task: TaskId.nullable(),
    review: Digest,
    patchId: PatchId,
    verdict: z.enum(['approve', 'request_changes']),
  }),
  /** `united`: files in which both sides only added lines at one place, and which have both. */
  e('task.integrated', {
    task: TaskId.nullable(),
    commit: GitSha,
    tree: GitSha,
    united: z.array(z.string()),
  }),
  e('task.conflicted', { task: TaskId.nullable(), paths: z.array(z.string()), start: GitSha, reason }),
  e('change.composed', { subject: Digest, base: GitSha, commit: GitSha, tree: GitSha, patchId: PatchId }),
  /** The acceptance checks of the run, written from ticket and plan while the change is made. */
  e('checks.written', { checks: Digest }),
  /**
   * Somebody holds against the checks, and their tester writes them again: a review of the whole (of `patchId`), which may send the change
   * back too (`change`), or its implementer, who was sent back for them and leaves the change as it is.
   */
  e('checks.disputed', {
    checks: Digest,
    by: z.enum(['review', 'implement']),
    said: Digest,
    patchId: PatchId,
    change: z.boolean(),
  }),
  /** The repository lets tickets of this kind go without: `checks` has none. */
  e('checks.skipped', { checks: Digest, kind: TicketKind }),
  /** The whole change is trivial, and the repository lets such changes of this kind of ticket go without a review. The merge gate judges that again. */
  e('review.skipped', { patchId: PatchId, tree: GitSha, kind: TicketKind }),
  /** Of a task's own tree, or (`task: null`) of the whole change. `failure` says what failed and why: two that are the same have the same. */
  e('change.tested', {
    task: TaskId.nullable(),
    tree: GitSha,
    report: Digest,
    verdict: Verdict,
    failure: Digest.nullable(),
  }),
  /** It takes its place in the repository's merge queue and is tested as it stands: its base is the branch, or the change of the run `behind`. */
  e('change.queued', { behind: RunId.nullable() }),
  /** Its patch stands on another base now: the branch, or the change of the run `behind` which it follows in the merge queue. */
  e('base.moved', {
    base: CommitAndTree,
    behind: RunId.nullable(),
    /** The base that it stood on is not on the branch any more: somebody took it off. */
    rewritten: z.boolean(),
    /** The run's commit on the new base; null where it conflicts, and then `conflict` says where work goes on. */
    head: CommitAndTree.nullable(),
    conflict: z.strictObject({ start: GitSha, paths: z.array(z.string()) }).nullable(),
    reason,
  }),
  e('merge.started', { subject: Digest, gate: GateId, commit: GitSha, base: GitSha }),
  e('merge.finished', {
    commit: GitSha,
    tree: GitSha,
    delivered: z.enum(['merge', 'branch']),
    ref: z.string(),
    reason,
  }),
  e('merge.refused', { reason }),
  /** What was merged is not on the branch any more: nothing is released from it. */
  e('merge.lost', { commit: GitSha, head: GitSha, reason }),
  /** A DSSE envelope with SLSA provenance of what was merged or built, as an artifact; `key` is its key id. */
  e('change.attested', { commit: GitSha, attestation: Digest, key: z.string().max(300) }),
  e('release.attested', {
    release: ReleaseId,
    layer: Digest,
    attestation: Digest,
    key: z.string().max(300),
  }),
  e('release.built', {
    release: ReleaseId,
    artifact: Digest,
    layer: Digest,
    verdict: Verdict,
  }),
  /**
   * The release went forth and back on its target, without traffic, before anybody is asked to let it out. `unhealthy` and `failed` end the
   * deploy here; `no_undo` is judged by the gate. `later`: nobody has allowed it yet, and it does not run without the repository's secrets and
   * volumes, which it is given only then; its undo is rehearsed before it has any traffic.
   */
  e('release.rehearsed', {
    release: ReleaseId,
    fence: z.number().int(),
    result: z.enum(['works', 'later', 'no_undo', 'unhealthy', 'failed']),
    /** Who serves after an undo; null where nobody did before. */
    to: ReleaseId.nullable(),
    /** Forth and back, in milliseconds; null where it was not tried or did not work. */
    ms: z.number().nonnegative().nullable(),
    at: Instant,
    /** Why there is no undo, in a few words; empty where it works. */
    reason,
    evidence: freeText(z.string().max(20_000)),
  }),
  /** It holds what was rolled back since it was merged: it is built anew from the branch, which has the revert. */
  e('release.outdated', { release: ReleaseId, commit: GitSha, tree: GitSha, reason }),
  e('deploy.started', { release: ReleaseId, gate: GateId, fence: z.number().int() }),
  e('deploy.finished', {
    release: ReleaseId,
    result: z.enum(['promoted', 'rolled_back', 'failed']),
    live: ReleaseId.nullable(),
    evidence: freeText(z.string().max(20_000)),
  }),
  e('revert.started', { commit: GitSha }),
  e('revert.finished', { commit: GitSha.nullable(), ref: z.string(), reason }),
  /** By a person (`cancelled`), or by the factory where it cannot go on (`failed`). */
  e('run.stop-asked', { end: z.enum(['cancelled', 'failed']), reason }),
  /** It waits for a person and goes on from where it is; `remindAt`: somebody is called again then. */
  e('run.parked', { cause: ParkCause, remindAt: Instant, reason }),
  e('run.reminded', { result: z.enum(['sent', 'failed', 'nobody']), remindAt: Instant, reason }),
  /** A parked or closed run goes on from where it was. */
  e('run.resumed', { expiresAt: Instant, reason }),
  e('run.closed', {
    end: RunEnd,
    reason,
    /** The last version of each of its own streams. */
    streams: z.record(z.string(), z.number().int()),
    /** Of a stream that it shares with others, its target's: the versions from its release's first entry to its last. */
    slices: z.record(z.string(), z.strictObject({ from: z.number().int(), to: z.number().int() })).optional(),
    usage: Usage,
  }),
] as const;
export type RunEntry = z.infer<(typeof runEntries)[number]>;
