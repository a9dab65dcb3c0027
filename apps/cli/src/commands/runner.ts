import { RunnerName } from '@millwright/domain';
import { type Context, show } from '../context.ts';
import { usage } from '../fail.ts';
import { runnerList } from '../views/setup.ts';
import { halt, resume } from './factory.ts';

type Options = Record<string, string | boolean | undefined>;

function nameOf(given: string | undefined): RunnerName {
  const name = RunnerName.safeParse(given);
  if (!name.success) throw usage(`${name.error.issues[0]?.message}; it was given "${String(given)}"`);
  return name.data;
}

export async function list(context: Context): Promise<void> {
  const { raw, value } = await context.client.all('listRunners', {});
  show(context, raw, () => runnerList(context.look, value, context.now()));
}

export const drain = (context: Context, [name]: string[], options: Options): Promise<void> =>
  halt(context, [], { ...options, runner: nameOf(name) });

export const takeAgain = (context: Context, [name]: string[], options: Options): Promise<void> =>
  resume(context, [], { ...options, runner: nameOf(name) });
