import type { CallFailure } from './failure.ts';

// When to ask again. Pure: the same failure, count and chance give the same decision.

export type RetryPolicy = {
  /** Calls in all, the first included. */
  tries: number;
  /** First backoff and its ceiling, ms. */
  baseMs: number;
  maxMs: number;
  /** A `retry-after` longer than this is not waited for here: the attempt ends as unavailable and is tried again later. */
  maxRetryAfterMs: number;
};

export const DEFAULT_RETRY: RetryPolicy = { tries: 8, baseMs: 500, maxMs: 30_000, maxRetryAfterMs: 120_000 };

export type RetryDecision =
  | { kind: 'retry'; waitMs: number }
  | { kind: 'give_up'; retryable: boolean; retryAfterMs: number | null };

/** `failed` counts the calls so far that failed, 1 after the first; `chance` is in [0, 1). */
export function decideRetry(
  failure: CallFailure,
  failed: number,
  chance: number,
  policy: RetryPolicy = DEFAULT_RETRY,
): RetryDecision {
  switch (failure.kind) {
    case 'auth':
    case 'billing':
    case 'model':
    case 'too_long':
    case 'binding':
    case 'endpoint':
    case 'request':
    case 'cancelled':
      return { kind: 'give_up', retryable: false, retryAfterMs: null };
    case 'rate_limited':
    case 'overloaded':
    case 'server':
    case 'connection':
    case 'cut':
    case 'stalled': {
      const asked = failure.retryAfterMs;
      const tooLong = asked !== null && asked > policy.maxRetryAfterMs;
      if (failed >= policy.tries || tooLong) return { kind: 'give_up', retryable: true, retryAfterMs: asked };
      // Exactly what was asked for; else exponential, jittered over its upper half so that storms spread but never rush.
      return { kind: 'retry', waitMs: asked ?? backoff(failed, chance, policy) };
    }
  }
}

function backoff(failed: number, chance: number, policy: RetryPolicy): number {
  const full = Math.min(policy.maxMs, policy.baseMs * 2 ** (failed - 1));
  return Math.round(full / 2 + (full / 2) * chance);
}
