import type { BudgetView } from '@millwright/api';
import { money as shown } from '../text/format.ts';
import type { Look } from '../text/look.ts';
import { table } from '../text/table.ts';

const money = (usd: number) => (usd === 0 ? '$0' : shown(usd));

/** Budgets by scope. Those of single tickets and runs only where they are capped, or when `all` are asked for. */
export function budgetList(look: Look, budgets: readonly BudgetView[], all: boolean): string[] {
  const listed = budgets.filter(
    ({ scope, capUsd }) => all || capUsd !== null || !/^(run|ticket)\//.test(scope),
  );
  if (listed.length === 0) return ['Nothing was spent yet, and nothing is capped.'];
  const over = listed.some(({ overrunUsd }) => overrunUsd > 0);
  return table(
    look,
    [
      { title: 'scope' },
      { title: 'cap', align: 'right' },
      { title: 'spent', align: 'right' },
      ...(over ? [{ title: 'overrun', align: 'right' as const }] : []),
      { title: 'reserved', align: 'right' },
      { title: 'left', align: 'right' },
    ],
    listed.map(({ scope, capUsd, spentUsd, overrunUsd, reservedUsd }) => [
      scope,
      capUsd === null ? 'none' : money(capUsd),
      money(spentUsd),
      ...(over ? [money(overrunUsd)] : []),
      money(reservedUsd),
      capUsd === null ? '' : money(Math.max(0, capUsd - spentUsd - overrunUsd - reservedUsd)),
    ]),
  );
}
