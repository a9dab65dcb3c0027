import type { BudgetScope, Run } from '@millwright/domain';
import type { BudgetLine, Store } from '@millwright/store';
import type { Forward } from './forward.ts';
import type { Streams } from './streams.ts';

type Ports = { store: Store; streams: Streams };

/**
 * Brings the ledger's caps to what the trail says. The ledger is a counter beside the trail: a cap that was said and not set, since
 * the orchestrator died between the two, is set at the next start. Idempotent.
 */
export async function applyBudgets({ streams, store }: Ports): Promise<void> {
  for (const [scope, usd] of (await streams.factory().look()).caps) await store.budget.setCap(scope, usd);
}

/** US dollars that can still be reserved in a scope; without a cap, and without a scope, there is no end. */
export function leftOf(line: BudgetLine | undefined): number {
  if (line === undefined || line.capUsd === null) return Number.POSITIVE_INFINITY;
  return line.capUsd - line.spentUsd - line.overrunUsd - line.reservedUsd;
}

/** The scopes that a run's calls are taken from, outermost first: of the unit that its repository is of now. */
export async function scopesOf(
  { forward }: { forward: Forward },
  { repo, ticket, id }: Pick<Run, 'repo' | 'ticket' | 'id'>,
): Promise<BudgetScope[]> {
  return ['factory', `unit/${await forward.unit(repo)}`, `repo/${repo}`, `ticket/${ticket}`, `run/${id}`];
}
