import type { BudgetView } from '@millwright/api';
import { money } from './format.ts';

const ORDER = ['factory', 'unit', 'repo', 'ticket', 'run'];
const rank = ({ scope }: BudgetView) => ORDER.indexOf(scope.split('/')[0] ?? '');

/** The widest first, and of those that are as wide the dearest. */
export const widestFirst = (budgets: readonly BudgetView[]): BudgetView[] =>
  budgets.toSorted((a, b) => rank(a) - rank(b) || b.spentUsd - a.spentUsd);

/** The cap that was typed (null: none), and what it will mean for what was spent; `wrong`: why it is no cap. */
export function capped(
  typed: string,
  budget: BudgetView | undefined,
): { cap: number | null; says: string; wrong: string | null } {
  const text = typed.trim();
  const cap = text === '' ? null : Number(text.replace(/^\$/, ''));
  if (cap !== null && !(cap >= 0 && cap <= 1_000_000))
    return { cap: null, says: '', wrong: 'A cap is a number of dollars from 0 to 1000000.' };
  const used = budget === undefined ? 0 : budget.spentUsd + budget.overrunUsd + budget.reservedUsd;
  const spent = `${money(used)} of it ${used === 0 ? 'is' : 'are'} spent or reserved`;
  if (cap === null)
    return {
      cap,
      says: `Then only the scopes around it cap it. ${money(used)} are spent or reserved so far.`,
      wrong: null,
    };
  const left = cap - used;
  return {
    cap,
    says:
      left > 0
        ? `${spent}: ${money(left)} are left.`
        : `${spent}: nothing is left. Its runs wait before their next call of a model until the cap is raised; a call under way ends.`,
    wrong: null,
  };
}
