import type { Budget, BudgetScope, Clock } from '@millwright/domain';
import type { Answer } from './model/assemble.ts';
import type { Breaker } from './model/breaker.ts';
import type { ModelClient, ModelRequest } from './model/client.ts';
import type { CallFailure } from './model/failure.ts';
import { costOf, worstCase } from './model/prices.ts';
import { DEFAULT_RETRY, decideRetry, type RetryPolicy } from './model/retry.ts';

export type Purse = {
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
};

/** `usd` is all that asking cost, calls without an answer included. */
export type Asked =
  | { kind: 'answered'; answer: Answer; usd: number }
  | { kind: 'money'; detail: string; usd: number }
  | {
      kind: 'failed';
      failure: CallFailure;
      retryable: boolean;
      retryAfterMs: number | null;
      tries: number;
      usd: number;
    };

/** Asks for one turn until there is an answer or asking again is no use. Every call is reserved at its worst case and settled after. */
export async function ask(request: ModelRequest, turn: number, context: AskContext): Promise<Asked> {
  const { client, clock, breaker, purse, signal } = context;
  const worst = worstCase(request.model, Buffer.byteLength(JSON.stringify(request)), request.max_tokens);
  let usd = 0;
  for (let tries = 1; ; tries += 1) {
    if (usd + worst > context.left())
      return {
        kind: 'money',
        usd,
        detail: `a call may cost $${worst.toFixed(4)}; this attempt has $${Math.max(0, context.left() - usd).toFixed(4)} left`,
      };
    const key = `${purse.key}/${turn}/${tries}`;
    try {
      await breaker.enter(signal);
    } catch {
      // Only the signal ends the wait.
      return {
        kind: 'failed',
        failure: cancelledBy(signal),
        retryable: false,
        retryAfterMs: null,
        tries,
        usd,
      };
    }
    const reserved = await purse.budget.reserve(key, purse.scopes, worst);
    if (reserved.kind === 'refused') {
      breaker.left();
      return {
        kind: 'money',
        usd,
        detail: `the budget of ${reserved.scope} has $${reserved.left.toFixed(4)} left; a call may cost $${worst.toFixed(4)}`,
      };
    }
    const result = await client.call(request, signal);
    if (result.kind === 'answered') {
      const cost = costOf(request.model, result.answer.tokens);
      await purse.budget.settle(key, cost);
      breaker.succeeded();
      return { kind: 'answered', answer: result.answer, usd: usd + cost };
    }
    const { failure } = result;
    const cost = failure.spent === 'nothing' ? 0 : worst;
    await purse.budget.settle(key, cost);
    usd += cost;
    report(breaker, failure);
    const decision = decideRetry(failure, tries, context.chance(), context.retry ?? DEFAULT_RETRY);
    if (decision.kind === 'give_up') return { ...decision, kind: 'failed', failure, tries, usd };
    context.onActivity(
      `model ${failure.kind.replace('_', ' ')}; asking again in ${(decision.waitMs / 1_000).toFixed(1)} s`,
    );
    try {
      await clock.sleep(decision.waitMs, signal);
    } catch {
      return {
        kind: 'failed',
        failure: cancelledBy(signal),
        retryable: false,
        retryAfterMs: null,
        tries,
        usd,
      };
    }
  }
}

const cancelledBy = (signal: AbortSignal): CallFailure => ({
  kind: 'cancelled',
  spent: 'unknown',
  detail: signal.reason instanceof Error ? signal.reason.message : 'cancelled',
});

/** Only trouble of the endpoint itself opens the breaker; a refusal, a 429 included, shows that it is there. */
function report(breaker: Breaker, failure: CallFailure): void {
  switch (failure.kind) {
    case 'overloaded':
    case 'server':
    case 'connection':
    case 'stalled':
    case 'cut':
      breaker.failed();
      break;
    case 'rate_limited':
    case 'auth':
    case 'billing':
    case 'model':
    case 'request':
      breaker.succeeded();
      break;
    case 'cancelled':
      breaker.left();
      break;
  }
}
