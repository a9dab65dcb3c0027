import { z } from 'zod';
import { TicketKind, Verdict } from './artifacts.ts';
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
} from './ids.ts';
import { Role } from './spec.ts';
import { freeText } from './words.ts';

// Every state change is one of these. One tagged union for the whole trail, so that a reader switches on `type` and the compiler
// says what is missing. What is marked `freeText` nothing decides on, so it can be redacted (words.ts).
// Old versions are upcast on reading, never rewritten.

export const Usage = z.strictObject({
  inputTokens: z.number().int().nonnegative(),
  outputTokens: z.number().int().nonnegative(),
  cacheReadTokens: z.number().int().nonnegative(),
  cacheWriteTokens: z.number().int().nonnegative(),
  usd: z.number().nonnegative(),
});
export type Usage = z.infer<typeof Usage>;

export const GateAction = z.enum(['start', 'merge', 'deploy']);
export type GateAction = z.infer<typeof GateAction>;

export const RunEnd = z.enum(['done', 'failed', 'cancelled', 'rolled_back', 'denied']);
export type RunEnd = z.infer<typeof RunEnd>;

/** What a parked run waits for: people at a gate that nobody answered, or a cap that was reached. */
export const ParkCause = z.enum(['gate', 'budget']);
export type ParkCause = z.infer<typeof ParkCause>;

/** A step of the autonomy ladder. */
const Step = z.number().int().min(0).max(7);

const reason = freeText(z.string().max(4_000));

/** How an attempt ended. `retryable` failures (a lost runner, an unavailable model) are tried again, a bounded number of times. */
export const AttemptOutcome = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('done'), artifact: Digest }),
  z.strictObject({
    kind: z.literal('failed'),
    code: z.string().max(64),
    retryable: z.boolean(),
    /** A retryable failure is not tried again before: what the model's API asked for. */
    retryAt: Instant.optional(),
    reason,
  }),
  z.strictObject({ kind: z.literal('cancelled'), reason }),
]);
export type AttemptOutcome = z.infer<typeof AttemptOutcome>;

export const PersonRole = z.enum(['admin', 'author', 'approver']);
export type PersonRole = z.infer<typeof PersonRole>;

/** What a halt can be limited to: the start of runs, agents' stages and their model calls, pushes, or everything on a target. */
export const HaltAction = z.enum(['start', 'stage', 'merge', 'deploy']);
export type HaltAction = z.infer<typeof HaltAction>;

export const HaltScope = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('factory') }),
  z.strictObject({ kind: z.literal('repo'), repo: RepoName }),
  z.strictObject({ kind: z.literal('action'), action: HaltAction }),
  z.strictObject({ kind: z.literal('model'), model: z.string().min(1).max(200) }),
]);
export type HaltScope = z.infer<typeof HaltScope>;

const e = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.strictObject({ type: z.literal(type), data: z.strictObject(shape) });
export const CommitAndTree = z.strictObject({ commit: GitSha, tree: GitSha });
export type CommitAndTree = z.infer<typeof CommitAndTree>;

export const Entry = z.discriminatedUnion('type', [
  // factory
  e('factory.started', { version: z.string() }),
  /** Nothing of the scope goes forward until it is resumed. Without a scope: the whole factory. */
  e('factory.halted', { scope: HaltScope.optional(), reason }),
  e('factory.resumed', { scope: HaltScope.optional(), reason }),
  /** Dollars; null lifts the cap. */
  e('factory.budget-set', { scope: z.string().max(80), usd: z.number().nonnegative().nullable(), reason }),
  /** A new checkpoint key: verifier keys, and a note on both that the old key and the new one have signed. */
  e('factory.key-rotated', {
    previous: z.string().max(1_000),
    next: z.string().max(1_000),
    note: z.string().max(8_000),
  }),
  /** The free text of an entry before this one is erased: recorded first, then done. */
  e('trail.redacted', { position: z.number().int().positive(), reason }),
  /** The database refused the factory something (SQLSTATE 42501): it tried what its role may not do. */
  e('database.refused', { role: z.enum(['orchestrator', 'runner']), reason }),
  /** The one-time code that this gave lets one person in, until then. */
  e('person.invited', { person: PersonId, roles: z.array(PersonRole), expiresAt: Instant }),
  /** They used their code, and have a token that nobody else was shown. */
  e('person.accepted', { person: PersonId }),
  /** Their token opens nothing any more. `expiresAt`: of the code that another person was given for them; null: they have a new token. */
  e('person.rotated', { person: PersonId, expiresAt: Instant.nullable() }),
  /** Their name, token and roles are gone; what they did stays, under their id. */
  e('person.erased', { person: PersonId, reason }),
  // repo/<name>
  e('repo.added', {
    repo: RepoName,
    url: z.string(),
    branch: z.string(),
    deliver: z.enum(['merge', 'branch']),
  }),
  /** `kind`: of this kind of change alone, which never goes further than the repository. */
  e('repo.step-set', { repo: RepoName, step: Step, kind: TicketKind.optional(), reason }),
  /**
   * Autonomy lost by itself; `kind` null: for every kind of change. Recorded before the outcome that cost it, so that no gate is judged in
   * between. `release` is what was rolled back, or served when the incident came.
   */
  e('autonomy.dropped', {
    repo: RepoName,
    kind: TicketKind.nullable(),
    from: Step,
    to: Step,
    cause: z.enum(['rolled_back', 'critical_incident', 'stuck']),
    release: ReleaseId.nullable(),
  }),
  /** The releases of these runs came to serve since: a person may raise it again. */
  e('autonomy.raise-proposed', {
    repo: RepoName,
    kind: TicketKind,
    from: Step,
    to: Step,
    runs: z.array(RunId).max(1_000),
  }),
  e('repo.secret-set', { repo: RepoName, name: z.string() }),
  /** A person lets what was rolled back ship again. */
  e('quarantine.lifted', { repo: RepoName, commit: GitSha, reason }),
  // ticket/<id>
  e('ticket.filed', {
    ticket: TicketId,
    repo: RepoName,
    digest: Digest,
    kind: TicketKind,
    key: z.string().nullable(),
  }),
  e('ticket.run-opened', { ticket: TicketId, run: RunId }),
  e('ticket.answered', { ticket: TicketId, run: RunId, text: freeText(z.string().max(20_000)) }),
  e('ticket.closed', { ticket: TicketId, run: RunId, end: RunEnd, reason }),
  e('ticket.reopened', { ticket: TicketId, run: RunId, evidence: freeText(z.string().max(20_000)) }),
  /** Filed by an alert or by the factory's own watch, while `release` served; `fingerprint` says what is the same incident. */
  e('ticket.incident-raised', {
    ticket: TicketId,
    fingerprint: z.string().regex(/^[0-9a-f]{24}$/),
    release: ReleaseId.nullable(),
    startedAt: Instant,
  }),
  /** What the factory did first about an incident, before anybody works on its ticket. */
  e('ticket.incident-answered', {
    ticket: TicketId,
    release: ReleaseId.nullable(),
    answer: z.enum(['rolled_back', 'not_rolled_back', 'rollback_failed']),
    reason,
  }),
  // run/<id>
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
  /** Its implementer says that there is no change to make here, or that it cannot be made here: a person is asked. */
  e('task.blocked', {
    task: TaskId.nullable(),
    attempt: AttemptId,
    blocked: Digest,
    question: freeText(z.string().max(20_000)),
    expiresAt: Instant,
  }),
  e('task.reviewed', {
    task: TaskId.nullable(),
    review: Digest,
    patchId: PatchId,
    verdict: z.enum(['approve', 'request_changes']),
  }),
  e('task.integrated', { task: TaskId.nullable(), commit: GitSha, tree: GitSha }),
  e('task.conflicted', { task: TaskId.nullable(), paths: z.array(z.string()), start: GitSha, reason }),
  e('change.composed', { subject: Digest, base: GitSha, commit: GitSha, tree: GitSha, patchId: PatchId }),
  e('change.tested', { tree: GitSha, report: Digest, verdict: Verdict }),
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
  // attempt/<id>
  e('attempt.opened', { attempt: AttemptId, run: RunId, role: Role, spec: Digest, deadline: Instant }),
  e('attempt.claimed', { attempt: AttemptId, incarnation: z.string(), fence: z.number().int().positive() }),
  e('attempt.sandboxed', { container: z.string(), purpose: z.string() }),
  /** A model is about to be asked for a turn. */
  e('turn.asked', { turn: z.number().int().positive(), model: z.string() }),
  /** What was asked for came to nothing: no answer, or one that went with its runner. What it cost is in the ledger, at its worst case where nobody knows. */
  e('turn.lost', { turn: z.number().int().positive(), reason }),
  e('turn.recorded', {
    turn: z.number().int().positive(),
    record: Digest,
    workspace: Digest.nullable(),
    model: z.string(),
    usage: Usage,
    overUsd: z.number().positive().optional(),
    action: freeText(z.string().max(200)),
  }),
  /** A budget is reached: the attempt waits, with all that is recorded of it, until `needUsd` are left in `scope`. */
  e('attempt.paused', {
    scope: z.string().max(80),
    needUsd: z.number().nonnegative(),
    leftUsd: z.number().nonnegative(),
  }),
  /** Its conversation did not simply go on after turn `after` (0: before the first); `note` is what the next one is told. */
  e('conversation.changed', {
    change: z.enum(['thinking_dropped', 'put_aside', 'handed_over', 'model_changed']),
    after: z.number().int().nonnegative(),
    model: z.string(),
    upTo: z.number().int().nonnegative().nullable(),
    note: Digest.nullable(),
    reason,
  }),
  e('attempt.refused', { incarnation: z.string(), reason }),
  e('attempt.closed', { outcome: AttemptOutcome }),
  // target/<repo>
  e('target.effect-started', {
    key: z.string(),
    effect: z.string(),
    release: ReleaseId,
    fence: z.number().int(),
  }),
  e('target.effect-finished', {
    key: z.string(),
    effect: z.string(),
    release: ReleaseId,
    result: z.enum(['done', 'failed', 'unknown']),
    reason,
  }),
  /** A canary's verdict at a share of traffic. `until`: it pauses, and goes back then unless it gets what it `needs`. */
  e('target.judged', {
    release: ReleaseId,
    fence: z.number().int(),
    percent: z.number().min(0).max(100),
    verdict: z.enum(['healthy', 'degraded', 'inconclusive']),
    until: Instant.nullable(),
    needs: reason.nullable(),
    reason,
  }),
  /** A deploy of a release begins to touch its target: until it has ended, no other release is brought there. */
  e('canary.started', {
    release: ReleaseId,
    live: ReleaseId.nullable(),
    fence: z.number().int(),
    steps: z.array(z.number().int()),
    /** Of each step, in milliseconds. */
    bake: z.number().int().nonnegative(),
  }),
  /** It has this share of traffic, and is watched at it. */
  e('canary.shifted', { release: ReleaseId, fence: z.number().int(), percent: z.number().min(0).max(100) }),
  /** A person's word on a canary under way. A pause ends at `until` by itself. */
  e('canary.asked', {
    release: ReleaseId,
    fence: z.number().int(),
    ask: z.enum(['pause', 'promote', 'abort']),
    until: Instant.nullable(),
    reason,
  }),
  /** `held`: a halt, a freeze or the end of the factory took its traffic away; it begins anew once it may go forward. `fenced`: somebody else has the target. */
  e('canary.ended', {
    release: ReleaseId,
    fence: z.number().int(),
    end: z.enum(['taken_back', 'held', 'failed', 'fenced']),
    live: ReleaseId.nullable(),
    reason,
  }),
  /** Somebody asks to go back, before anything moves. `to` null: to where a rollback goes by itself, a canary under way being aborted. */
  e('rollback.asked', { to: ReleaseId.nullable(), canary: ReleaseId.nullable(), reason }),
  /** What serves was not as the trail has it, and was brought back in `ms`; or could not be. Both are counted. */
  e('target.healed', { release: ReleaseId, fence: z.number().int(), ms: z.number().nonnegative(), reason }),
  e('target.not-healed', { release: ReleaseId, fence: z.number().int(), what: reason, reason }),
  /** Healing was tried too often: nothing is touched until then. */
  e('target.heal-paused', {
    release: ReleaseId,
    fence: z.number().int(),
    tries: z.number().int(),
    until: Instant,
    reason,
  }),
  /** The merge behind a release that a person rolled back is reverted, its run being closed. */
  e('target.revert-started', { release: ReleaseId, commit: GitSha }),
  e('target.revert-finished', {
    release: ReleaseId,
    commit: GitSha.nullable(),
    ref: z.string(),
    reason,
  }),
  /** An effect whose factory died before it said how it ended, settled by what the trail and the target say now. */
  e('target.reconciled', { key: z.string(), release: ReleaseId, live: ReleaseId.nullable(), reason }),
  e('target.released', {
    release: ReleaseId,
    previous: ReleaseId.nullable(),
    fence: z.number().int(),
    by: z.enum(['deploy', 'rollback']),
    artifact: Digest.nullable(),
    reason,
  }),
  /** Nothing goes forward on a frozen target; going back does. `what` is what a person must do, where the factory froze it. */
  e('target.frozen', {
    by: z.enum(['person', 'factory']),
    release: ReleaseId.nullable(),
    reason,
    what: freeText(z.string().max(4_000)),
  }),
  e('target.thawed', { reason }),
  /** Somebody was called about a target that the factory froze, or could not be. */
  e('target.paged', { result: z.enum(['sent', 'failed', 'nobody']), reason }),
  /** A person asks for the release that a rollback left, judged as its deploy is; `decision` with the approvals so far. */
  e('undo.asked', {
    release: ReleaseId,
    live: ReleaseId,
    subject: Digest,
    decision: z.enum(['allow', 'deny', 'needs_approval']),
    approvals: z.number().int(),
    policies: z.array(z.string()),
    facts: Digest,
    reason,
  }),
  e('undo.started', { release: ReleaseId, live: ReleaseId, fence: z.number().int() }),
  e('undo.finished', {
    release: ReleaseId,
    result: z.enum(['promoted', 'rolled_back', 'failed']),
    live: ReleaseId.nullable(),
    evidence: freeText(z.string().max(20_000)),
  }),
  /**
   * What was journaled beside the trail while it could not be written, and when it happened. The entries are in the same append, but for those
   * that the trail had got late and by itself.
   */
  e('target.journal-imported', { records: z.array(z.strictObject({ id: z.uuid(), at: Instant })).max(200) }),
]);
export type Entry = z.infer<typeof Entry>;
export type EntryType = Entry['type'];
export type EntryOf<T extends EntryType> = Extract<Entry, { type: T }>;
