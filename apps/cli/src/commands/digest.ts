import type { Options } from '../connection.ts';
import { type Context, show } from '../context.ts';
import { digestText } from '../views/digest.ts';
import { periodOf } from './period.ts';

export async function digest(context: Context, _args: string[], options: Options): Promise<void> {
  const { raw, value } = await context.client.call('showDigest', { query: periodOf(context, options) });
  show(context, raw, () => digestText(value));
}
