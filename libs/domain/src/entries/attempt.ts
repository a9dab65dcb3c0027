import { z } from 'zod';
import { AttemptId, Digest, Instant, RunId } from '../ids.ts';
import { Role } from '../spec.ts';
import { freeText } from '../words.ts';
import { e, reason } from './form.ts';

export const Usage = z.strictObject({
  inputTokens: z.number().int().nonnegative(),
  outputTokens: z.number().int().nonnegative(),
  cacheReadTokens: z.number().int().nonnegative(),
  cacheWriteTokens: z.number().int().nonnegative(),
  usd: z.number().nonnegative(),
});
export type Usage = z.infer<typeof Usage>;

/** How an attempt ended. `retryable` failures (a lost runner, an unavailable model) are tried again, a bounded number of times. */
export const AttemptOutcome = z.discriminatedUnion('kind', [
  /** `noticed`: faults that its agent came across beside it. */
  z.strictObject({ kind: z.literal('done'), artifact: Digest, noticed: Digest.optional() }),
  z.strictObject({
    kind: z.literal('failed'),
    code: z.string().max(64),
    retryable: z.boolean(),
    /** A retryable failure is not tried again before: what the model's API asked for. */
    retryAt: Instant.optional(),
    /** What it knew when its stage was over, for the next attempt of it. */
    handedOver: Digest.optional(),
    reason,
  }),
  z.strictObject({ kind: z.literal('cancelled'), reason }),
]);
export type AttemptOutcome = z.infer<typeof AttemptOutcome>;

/** `attempt/<id>` */
export const attemptEntries = [
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
  /** What a person adds to its goal: said to its agent beside the next results of its tools. */
  e('attempt.steered', { text: freeText(z.string().min(1).max(4_000)) }),
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
] as const;
export type AttemptEntry = z.infer<(typeof attemptEntries)[number]>;
