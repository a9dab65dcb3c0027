import { RunView, WhyView } from '@millwright/api';
import { z } from 'zod';
import { type Context, newest, show as showData } from '../context.ts';
import { parseDuration } from '../text/parse.ts';
import { runList, runShow, runWhy } from '../views/run.ts';
import { followRun } from '../watch/follow.ts';

type Options = Record<string, string | boolean | undefined>;

const at = (id: string) => `/runs/${encodeURIComponent(id)}`;

export async function list(context: Context, _args: string[], options: Options): Promise<void> {
  const { raw, value } = newest(
    await context.client.get('/runs', z.array(RunView), { repo: options.repo as string | undefined }),
    (run) => run.startedAt,
  );
  showData(context, raw, () => runList(context.look, value, context.now()));
}

export async function show(context: Context, [id = '']: string[]): Promise<void> {
  const { raw, value } = await context.client.get(at(id), RunView);
  showData(context, raw, () => runShow(context.look, value, context.now()));
}

export async function watch(context: Context, [id = '']: string[], options: Options): Promise<void> {
  const timeoutMs =
    options.timeout === undefined ? null : parseDuration(String(options.timeout), '--timeout');
  await followRun(context, id, timeoutMs === null ? null : Date.now() + timeoutMs);
}

export async function why(context: Context, [id = '']: string[]): Promise<void> {
  const { raw, value } = await context.client.get(`${at(id)}/why`, WhyView);
  showData(context, raw, () => runWhy(context.look, value, context.now()));
}

export async function cancel(context: Context, [id = '']: string[], options: Options): Promise<void> {
  const { raw } = await context.client.post(`${at(id)}/cancel`, z.unknown(), { reason: options.reason });
  showData(context, raw, () => [
    `${id} is asked to stop; its stages end, and a canary of it has no traffic any more.`,
    `${context.look.colour.dim('next:')} ./millwright run watch ${id}`,
  ]);
}

export async function retry(context: Context, [id = '']: string[], options: Options): Promise<void> {
  const { raw } = await context.client.post(`${at(id)}/retry`, RunView, { reason: options.reason });
  showData(context, raw, () => [
    `${id} goes on from where it was; what was planned, made, reviewed and merged is not paid for again.`,
    `${context.look.colour.dim('next:')} ./millwright run watch ${id}`,
  ]);
}
