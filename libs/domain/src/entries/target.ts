import { z } from 'zod';
import { Digest, GitSha, Instant, ReleaseId } from '../ids.ts';
import { freeText } from '../words.ts';
import { e, reason } from './form.ts';

/** `target/<repo>` */
export const targetEntries = [
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
  /** Another orchestrator goes on with it under a higher fence: what the former one still had on its way to the target comes too late. */
  e('canary.resumed', { release: ReleaseId, fence: z.number().int(), as: z.number().int() }),
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
  /** A freeze window of the repository's file has begun: as a freeze until then, which a person's thaw lifts like any other. */
  e('target.window-began', { until: Instant, reason }),
  e('target.window-ended', { until: Instant }),
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
] as const;
export type TargetEntry = z.infer<(typeof targetEntries)[number]>;
