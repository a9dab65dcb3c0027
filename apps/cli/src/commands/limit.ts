import type { LimitView } from '@millwright/api';
import { type Context, show } from '../context.ts';
import { usage } from '../fail.ts';
import type { Look } from '../text/look.ts';
import { table } from '../text/table.ts';

type Options = Record<string, string | boolean | undefined>;

const lines = (look: Look, limits: readonly LimitView[]): string[] =>
  table(
    look,
    [
      { title: 'scope' },
      { title: 'limit', align: 'right' },
      { title: 'at work', align: 'right' },
      { title: 'waiting', align: 'right' },
    ],
    limits.map(({ scope, stages, atWork, waiting }) => [
      scope,
      stages === null ? 'none' : String(stages),
      String(atWork),
      String(waiting),
    ]),
  );

export async function showLimits(context: Context): Promise<void> {
  const { raw, value } = await context.client.all('listLimits', {});
  show(context, raw, () => lines(context.look, value));
}

export async function setLimit(
  context: Context,
  [scope = '', amount = '']: string[],
  options: Options,
): Promise<void> {
  const stages = amount === 'none' ? null : Number(amount);
  if (stages !== null && !/^[1-9]\d{0,2}$|^1000$/.test(amount))
    throw usage(
      `STAGES is a number from 1 to 1000, or none; it was given "${amount}"`,
      './millwright limit set repo/shop 2 --reason "…"',
    );
  const { raw, value } = await context.client.call('setLimit', {
    body: { scope, stages, reason: String(options.reason) },
  });
  show(context, raw, () => [
    ...lines(context.look, [value]),
    '',
    stages === null
      ? 'As many of it are at work as the runners take.'
      : 'What is at work goes on; what is ready beyond that waits for its turn.',
  ]);
}
