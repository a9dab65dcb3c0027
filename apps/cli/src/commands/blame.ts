import { type Context, show } from '../context.ts';
import { usage } from '../fail.ts';
import { blameLines } from '../views/blame.ts';

type Options = Record<string, string | boolean | undefined>;

export async function blame(context: Context, [place = '']: string[], options: Options): Promise<void> {
  const [, file, line] = /^(.+):(\d+)$/.exec(place) ?? [];
  if (file === undefined || line === undefined)
    throw usage(`a place is FILE:LINE, such as src/cart.js:12; it was given "${place}"`);
  const { raw, value } = await context.client.call('blameLine', {
    params: { repo: String(options.repo) },
    query: { file, line: Number(line) },
  });
  show(context, raw, () => blameLines(context.look, value, context.now()));
}
