import { type Context, newest, show as showData } from '../context.ts';
import { parseDuration, parseWhole } from '../text/parse.ts';
import { followUpLines, runList, runShow, runWhy } from '../views/run.ts';
import { ticketShow } from '../views/ticket.ts';
import { followRun } from '../watch/follow.ts';
import { parseKind } from './kind.ts';

type Options = Record<string, string | boolean | undefined>;

export async function list(context: Context, _args: string[], options: Options): Promise<void> {
  const { raw, value } = newest(
    await context.client.call('listRuns', { query: { repo: options.repo as string | undefined } }),
    (run) => run.startedAt,
  );
  showData(context, raw, () => runList(context.look, value, context.now()));
}

export async function show(context: Context, [id = '']: string[]): Promise<void> {
  const { raw, value } = await context.client.call('showRun', { params: { id } });
  showData(context, raw, () => runShow(context.look, value, context.now()));
}

export async function watch(context: Context, [id = '']: string[], options: Options): Promise<void> {
  const timeoutMs =
    options.timeout === undefined ? null : parseDuration(String(options.timeout), '--timeout');
  await followRun(context, id, timeoutMs === null ? null : Date.now() + timeoutMs);
}

export async function why(context: Context, [id = '']: string[]): Promise<void> {
  const { raw, value } = await context.client.call('explainRun', { params: { id } });
  showData(context, raw, () => runWhy(context.look, value, context.now()));
}

export async function steer(
  context: Context,
  [id = '', text = '']: string[],
  options: Options,
): Promise<void> {
  const { raw, value } = await context.client.call('steerRun', {
    params: { id },
    body: { text, ...(options.task === undefined ? {} : { task: String(options.task) }) },
  });
  showData(context, raw, () => [
    `Said to ${value.told.map(({ role, task }) => (task === null ? role : `${role} ${task}`)).join(', ')}: read beside the next results of its tools.`,
    `${context.look.colour.dim('next:')} ./millwright run watch ${id}`,
  ]);
}

export async function cancel(context: Context, [id = '']: string[], options: Options): Promise<void> {
  const { raw } = await context.client.call('cancelRun', {
    params: { id },
    body: { reason: String(options.reason) },
  });
  showData(context, raw, () => [
    `${id} is asked to stop; its stages end, and a canary of it has no traffic any more.`,
    `${context.look.colour.dim('next:')} ./millwright run watch ${id}`,
  ]);
}

export async function retry(context: Context, [id = '']: string[], options: Options): Promise<void> {
  const { raw } = await context.client.call('retryRun', {
    params: { id },
    body: { reason: String(options.reason) },
  });
  showData(context, raw, () => [
    `${id} goes on from where it was; what was planned, made, reviewed and merged is not paid for again.`,
    `${context.look.colour.dim('next:')} ./millwright run watch ${id}`,
  ]);
}

/** Without a number: what there is to follow up. */
export async function followUp(
  context: Context,
  [id = '', number]: string[],
  options: Options,
): Promise<void> {
  if (number === undefined) {
    const { value } = await context.client.call('showRun', { params: { id } });
    const { open, noticed } = value;
    const lines = followUpLines(context.look, value);
    showData(context, { open, noticed }, () =>
      lines.length > 0
        ? lines
        : [`${id} left nothing open, and its agents noticed nothing beside their tasks.`],
    );
    return;
  }
  const nth = parseWhole(number, 'the number', 1, 10_000);
  const { raw, value } = await context.client.call('followUpRun', {
    params: { id },
    body: { nth, ...parseKind(options.kind) },
  });
  showData(context, raw, () => ticketShow(context.look, value, context.now()));
}
