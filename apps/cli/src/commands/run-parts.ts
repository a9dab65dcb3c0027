import { type Context, show } from '../context.ts';
import { usage } from '../fail.ts';
import {
  costShow,
  diffFiles,
  diffHead,
  logShow,
  patchLines,
  planShow,
  reviewShow,
  testsShow,
} from '../views/run-parts.ts';

type Options = Record<string, string | boolean | undefined>;

/** The patch is data; what it is, and what in it is dangerous, goes to stderr where a person does not see both. */
export async function diff(context: Context, [id = '']: string[], options: Options): Promise<void> {
  const { raw, value } = await context.client.call('showDiff', { params: { id } });
  if (context.json) return context.document(raw);
  if (options.stat === true)
    return context.out(...diffHead(context.look, value), ...diffFiles(context.look, value));
  context.note(...diffHead(context.noteLook, value), ...diffFiles(context.noteLook, value), '');
  context.out(...patchLines(context.look, value));
}

export async function plan(context: Context, [id = '']: string[]): Promise<void> {
  const { raw, value } = await context.client.call('showPlan', { params: { id } });
  show(context, raw, () => planShow(context.look, value));
}

export async function review(context: Context, [id = '']: string[]): Promise<void> {
  const { raw, value } = await context.client.all('listReviews', { params: { id } });
  show(context, raw, () => reviewShow(context.look, value));
}

export async function tests(context: Context, [id = '']: string[]): Promise<void> {
  const { raw, value } = await context.client.all('listTests', { params: { id } });
  show(context, raw, () => testsShow(context.look, value));
}

/** `--stage`: the newest attempt of that kind. */
async function attemptOf(context: Context, id: string, options: Options): Promise<string | undefined> {
  const { attempt, stage } = options;
  if (attempt !== undefined && stage !== undefined)
    throw usage('--attempt names one attempt and --stage the newest of a kind: give one');
  if (stage === undefined) return attempt === undefined ? undefined : String(attempt);
  const { value } = await context.client.call('showRun', { params: { id } });
  const found = value.stages.findLast((one) => one.kind === stage);
  if (found === undefined)
    throw usage(
      `${id} has had no stage "${String(stage)}"`,
      `it has had: ${[...new Set(value.stages.map((one) => one.kind))].join(', ') || 'none yet'}`,
    );
  return found.attemptId;
}

export async function logs(context: Context, [id = '']: string[], options: Options): Promise<void> {
  const attempt = await attemptOf(context, id, options);
  const { raw, value } = await context.client.all('showLogs', { params: { id }, query: { attempt } });
  show(context, raw, () => logShow(context.look, id, value, context.now()));
}

export async function cost(context: Context, [id = '']: string[]): Promise<void> {
  const { raw, value } = await context.client.call('showCost', { params: { id } });
  show(context, raw, () => costShow(context.look, value));
}
