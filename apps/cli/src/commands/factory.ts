import { z } from 'zod';
import type { Context } from '../context.ts';
import { show } from '../context.ts';

type Options = Record<string, string | boolean | undefined>;

export async function halt(context: Context, _args: string[], options: Options): Promise<void> {
  const { raw } = await context.client.post('/halt', z.unknown(), { reason: options.reason });
  show(context, raw, () => [
    'Halted: no stage starts, nothing merges or deploys. Rollbacks go on.',
    `${context.look.colour.dim('next:')} ./millwright resume --reason "…"`,
  ]);
}

export async function resume(context: Context, _args: string[], options: Options): Promise<void> {
  const { raw } = await context.client.post('/resume', z.unknown(), { reason: options.reason });
  show(context, raw, () => ['Resumed: pending work is taken up again.']);
}
