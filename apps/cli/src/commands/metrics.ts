import type { Options } from '../connection.ts';
import { type Context, show } from '../context.ts';
import { metricsText } from '../views/metrics.ts';
import { periodOf } from './period.ts';

export async function metrics(context: Context, _args: string[], options: Options): Promise<void> {
  const { raw, value } = await context.client.call('showMetrics', { query: periodOf(context, options) });
  show(context, raw, () => metricsText(context.look, value));
}
