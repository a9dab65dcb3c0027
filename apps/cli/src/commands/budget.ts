import { type Context, show } from '../context.ts';
import { usage } from '../fail.ts';
import { budgetList } from '../views/budget.ts';

type Options = Record<string, string | boolean | undefined>;

export async function showBudgets(context: Context, _args: string[], options: Options): Promise<void> {
  const { raw, value } = await context.client.all('listBudgets', {});
  show(context, raw, () => budgetList(context.look, value, options.all === true));
}

export async function setBudget(
  context: Context,
  [scope = '', amount = '']: string[],
  options: Options,
): Promise<void> {
  const usd = amount === 'none' ? null : Number(amount);
  if (usd !== null && !/^\d+(\.\d+)?$/.test(amount))
    throw usage(
      `USD is an amount in dollars, or none; it was given "${amount}"`,
      './millwright budget set factory 50 --reason "…"',
    );
  const { raw, value } = await context.client.call('setBudget', {
    body: { scope, usd, reason: String(options.reason) },
  });
  show(context, raw, () => [
    ...budgetList(
      context.look,
      value.filter((one) => one.scope === scope),
      true,
    ),
    '',
    usd === null
      ? 'Spending there is counted and not capped.'
      : 'A call whose worst case does not fit any more is refused before it is made.',
  ]);
}
