import { type Budget, type BudgetScope, type Clock, cancelled } from '@millwright/domain';
import type { Answer } from './model/assemble.ts';
import type { Breaker, CallTold } from './model/breaker.ts';
import { BUILT_IN, type Catalog } from './model/catalog.ts';
import type { ModelClient, ModelRequest } from './model/client.ts';
import type { CallFailure } from './model/failure.ts';
import { costOf, priceOf, worstCase } from './model/prices.ts';
import { DEFAULT_RETRY, decideRetry, type RetryPolicy } from './model/retry.ts';
import { sizeOf } from './size.ts';

type Purse = {
  budget: Budget;
  scopes: readonly BudgetScope[];
  /** Begins every reservation's key: attempt and claim, so that a claim after a crash never takes over an unsettled reservation. */
  key: string;
};

export type AskContext = {
  client: ModelClient;
  clock: Clock;
  breaker: Breaker;
  purse: Purse;
  retry?: RetryPolicy;
  /** In [0, 1). */
  chance: () => number;
  signal: AbortSignal;
  /** What this attempt may still spend, US dollars. */
  left: () => number;
  onActivity: (text: string) => void;
  onThinking?: (text: string) => void;
  catalog?: Catalog;
};

/** An answer shorter than this is not worth asking for: money ends the attempt instead. */
const LEAST_ANSWER = 4_000;

/** The request with `max_tokens` lowered to what `usd` can reserve, or null where that is too little for an answer. */
function affordable(request: ModelRequest, usd: number, catalog: Catalog): ModelRequest | null {
  const bytes = sizeOf(request);
  if (worstCase(request.model, bytes, request.max_tokens, catalog) <= usd) return request;
  // The price of a long prompt, which is the higher one: what fits at it fits.
  const each = priceOf(request.model, Number.MAX_SAFE_INTEGER, catalog)?.output ?? 0;
  const left = usd - worstCase(request.model, bytes, 0, catalog);
  const tokens = each === 0 ? request.max_tokens : Math.floor((left * 1_000_000) / each);
  return tokens < Math.min(LEAST_ANSWER, request.max_tokens)
    ? null
    : { ...request, max_tokens: Math.min(tokens, request.max_tokens) };
}

/** `usd` is all that asking cost, calls without an answer included. */
export type Asked =
  /** `overUsd`: what this call was billed beyond the most that it may cost; the endpoint broke its own limits. */
  | { kind: 'answered'; answer: Answer; usd: number; overUsd: number }
  /** The attempt's own limit. */
  | { kind: 'money'; detail: string; usd: number }
  /** A cap of `scope`: with `needUsd` left in it, it is worth asking again. */
  | { kind: 'capped'; scope: BudgetScope; needUsd: number; leftUsd: number; detail: string; usd: number }
  | {
      kind: 'failed';
      failure: CallFailure;
      retryable: boolean;
      retryAfterMs: number | null;
      tries: number;
      usd: number;
    };

/**
 * Asks until there is an answer or asking again is no use. Every call is reserved at its worst case and settled after; where money is short
 * it is asked for a shorter answer. `call` names it in the reservation's key: no two requests of a claim have the same.
 */
export async function ask(wanted: ModelRequest, call: string, context: AskContext): Promise<Asked> {
  const { clock, purse, signal, catalog = BUILT_IN } = context;
  let usd = 0;
  let cap = Number.POSITIVE_INFINITY;
  for (let tries = 1; ; tries += 1) {
    const left = context.left() - usd;
    const request = affordable(wanted, Math.min(left, cap), catalog) ?? wanted;
    const bytes = sizeOf(request);
    const worst = worstCase(request.model, bytes, request.max_tokens, catalog);
    if (worst > left)
      return {
        kind: 'money',
        usd,
        detail: `a call may cost $${worst.toFixed(4)}; $${Math.max(0, left).toFixed(4)} is left`,
      };
    const tried = await once(request, `${purse.key}/${call}/${tries}`, worst, context);
    if (tried.kind === 'answered') return { ...tried, usd: usd + tried.usd };
    if (tried.kind === 'refused') {
      if (tried.left < cap && affordable(wanted, tried.left, catalog) !== null) {
        cap = tried.left;
        tries -= 1;
        continue;
      }
      const least = Math.min(LEAST_ANSWER, wanted.max_tokens);
      const needUsd = worstCase(wanted.model, bytes, least, catalog);
      return {
        kind: 'capped',
        usd,
        scope: tried.scope,
        leftUsd: tried.left,
        needUsd,
        detail: `the budget of ${tried.scope} has $${tried.left.toFixed(4)} left; a call may cost $${needUsd.toFixed(4)}`,
      };
    }
    usd += tried.usd;
    const { failure } = tried;
    const decision = decideRetry(failure, tries, context.chance(), context.retry ?? DEFAULT_RETRY);
    if (decision.kind === 'give_up') return { ...decision, kind: 'failed', failure, tries, usd };
    context.onActivity(
      `model ${failure.kind.replace('_', ' ')}; asking again in ${(decision.waitMs / 1_000).toFixed(1)} s`,
    );
    try {
      await clock.sleep(decision.waitMs, signal);
    } catch {
      const cancelled = cancelledBy(signal);
      return { kind: 'failed', failure: cancelled, retryable: false, retryAfterMs: null, tries, usd };
    }
  }
}

type Tried =
  | Extract<Asked, { kind: 'answered' }>
  | { kind: 'refused'; scope: BudgetScope; left: number }
  | { kind: 'failed'; failure: CallFailure; usd: number };

/** One call, reserved and settled. What is thrown (the ledger is away) leaves the reservation to whoever sweeps, and the breaker as it was. */
async function once(request: ModelRequest, key: string, worst: number, context: AskContext): Promise<Tried> {
  const { client, breaker, purse, signal, catalog = BUILT_IN } = context;
  // Only the signal ends the wait.
  using pass = await breaker.enter(signal).catch(() => null);
  if (pass === null) return { kind: 'failed', failure: cancelledBy(signal), usd: 0 };
  const reserved = await purse.budget.reserve(key, purse.scopes, worst);
  if (reserved.kind === 'refused') return reserved;
  if (reserved.kind === 'not_held')
    throw cancelled('taken-over', 'the attempt is closed, or another runner has it');
  if (signal.aborted) {
    await purse.budget.settle(key, 0);
    return { kind: 'failed', failure: cancelledBy(signal), usd: 0 };
  }
  const result = await client.call(request, signal, context.onThinking);
  if (result.kind === 'answered') {
    pass.end('answered');
    const usd = costOf(request.model, result.answer.tokens, catalog);
    await purse.budget.settle(key, usd);
    return { kind: 'answered', answer: result.answer, usd, overUsd: Math.max(0, usd - worst) };
  }
  const { failure } = result;
  pass.end(toldBy(failure));
  const usd = failure.spent === 'nothing' ? 0 : worst;
  await purse.budget.settle(key, usd);
  return { kind: 'failed', failure, usd };
}

const cancelledBy = (signal: AbortSignal): CallFailure => ({
  kind: 'cancelled',
  spent: 'unknown',
  detail: signal.reason instanceof Error ? signal.reason.message : 'cancelled',
});

/** Only trouble of the endpoint itself opens the breaker; a refusal, a 429 included, shows that it is there. */
function toldBy(failure: CallFailure): CallTold {
  switch (failure.kind) {
    case 'overloaded':
    case 'server':
    case 'connection':
    case 'stalled':
    case 'cut':
      return 'failed';
    case 'rate_limited':
    case 'auth':
    case 'billing':
    case 'model':
    case 'too_long':
    case 'binding':
    case 'endpoint':
    case 'request':
      return 'answered';
    case 'cancelled':
      return 'nothing';
  }
}
