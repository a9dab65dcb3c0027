import type { Halted } from '@millwright/api';
import { HaltAction, type HaltScope } from '@millwright/domain';
import { commandOf } from '../acts.ts';
import type { Context } from '../context.ts';
import { show } from '../context.ts';
import { Fail, usage } from '../fail.ts';
import { clock } from '../text/format.ts';
import { oneLine } from '../text/plain.ts';
import { unitOf } from './unit.ts';

type Options = Record<string, string | boolean | undefined>;

/** The scope that the flags name; undefined for the whole factory. No name has capitals: whoever writes one in a hurry means the one without. */
function scopeOf({ unit, repo, action, model, runner }: Options): HaltScope | undefined {
  if (typeof runner === 'string') return { kind: 'runner', runner: runner as never };
  const named = [unit, repo, action, model].filter((one) => one !== undefined);
  if (named.length > 1) throw usage('name one of --unit, --repo, --action and --model');
  if (unit !== undefined) return { kind: 'unit', unit: unitOf(String(unit).toLowerCase()) };
  if (typeof repo === 'string') return { kind: 'repo', repo: repo.toLowerCase() as never };
  if (typeof model === 'string') return { kind: 'model', model };
  if (action === undefined) return undefined;
  const known = HaltAction.safeParse(action);
  if (!known.success)
    throw usage(`--action takes ${HaltAction.options.join(', ')}; it was given "${action}"`);
  return { kind: 'action', action: known.data };
}

const body = (options: Options) => {
  const scope = scopeOf(options);
  return { ...(scope === undefined ? {} : { scope }), reason: String(options.reason) };
};

const haltLines = (context: Context, { halts }: Halted): string[] =>
  halts.flatMap((halt) => [
    `${halt.what} is halted by ${oneLine(halt.by)} since ${clock(halt.at, context.now())}: ${oneLine(halt.reason)}`,
    `${context.look.colour.dim('next:')} ${commandOf(halt.next)}`,
  ]);

/** Exit code 0 once nothing of it runs, 8 while something still does or where it is halted no more. */
export async function halt(context: Context, _args: string[], options: Options): Promise<void> {
  const { raw, value } = await context.client.call('halt', { body: body(options) });
  if (value.halts.length === 0)
    throw new Fail({
      code: 'not_halted',
      message: 'it was halted, and somebody resumed it before it had stopped',
      kept: 'nothing is halted by this: it goes forward',
      next: 'millwright trail show (who resumed it), then the same command again',
      exitCode: 8,
    });
  show(context, raw, () => [
    value.stopped
      ? 'Stopped: nothing of it goes forward, and nothing of it runs. Rollbacks go on.'
      : 'Halted: nothing of it begins any more. Still running:',
    ...value.running.map((what) => `  ${oneLine(what)}`),
    ...haltLines(context, value),
    ...(value.already ? ['You said so already, and that stands.'] : []),
  ]);
  if (!value.stopped)
    throw new Fail({
      code: 'still_running',
      message: `${value.running.length} of what was halted still ${value.running.length === 1 ? 'runs' : 'run'}: told to stop, it has not ended yet`,
      kept: 'the halt is in force',
      next: 'ask again: the same command',
      exitCode: 8,
    });
}

export async function resume(context: Context, _args: string[], options: Options): Promise<void> {
  const { raw, value } = await context.client.call('resume', { body: body(options) });
  show(context, raw, () => [
    `Resumed${value.lifted === null ? '' : ` ${oneLine(value.lifted)}`}: what waited ${value.halts.length === 0 ? 'goes on where it was' : 'for that alone goes on where it was'}.`,
    ...haltLines(context, value),
  ]);
}
