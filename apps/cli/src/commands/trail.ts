import { TrailLine } from '@millwright/domain';
import { z } from 'zod';
import { type Context, show as showData } from '../context.ts';
import { parseWhole } from '../text/parse.ts';
import { trailShow } from '../views/trail.ts';

type Options = Record<string, string | boolean | undefined>;

export async function show(context: Context, _args: string[], options: Options): Promise<void> {
  const limit = parseWhole(String(options.limit), '--limit', 1, 1_000);
  const since =
    options.since === undefined ? undefined : parseWhole(String(options.since), '--since', 0, 999_999_999);
  const { raw, value } = await context.client.get('/trail', z.array(TrailLine), {
    run: options.run as string | undefined,
    since,
    limit,
  });
  showData(context, raw, () => trailShow(context.look, value, context.now()));
  const last = value.at(-1);
  if (!context.json && last !== undefined && value.length === limit)
    context.note(context.noteLook.colour.dim(`There may be more: --since ${last.position}`));
}
