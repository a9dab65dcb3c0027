import { GateView } from '@millwright/domain';
import { z } from 'zod';
import { type Context, show as showData } from '../context.ts';
import { gateLine, gateList, gateShow } from '../views/gate.ts';

type Options = Record<string, string | boolean | undefined>;

const at = (id: string) => `/gates/${encodeURIComponent(id)}`;

export async function list(context: Context, _args: string[], options: Options): Promise<void> {
  const all = options.all === true;
  const { raw, value } = await context.client.get('/gates', z.array(GateView), {
    state: all ? 'all' : 'waiting',
  });
  showData(context, raw, () => gateList(context.look, value, context.now(), all));
}

export async function show(context: Context, [id = '']: string[]): Promise<void> {
  const { raw, value } = await context.client.get(at(id), GateView);
  showData(context, raw, () => gateShow(context.look, value, context.now()));
}

const decide =
  (verb: 'approve' | 'deny') =>
  async (context: Context, [id = '']: string[], options: Options) => {
    await context.client.post(`${at(id)}/${verb}`, z.unknown(), { reason: options.reason });
    const { raw, value } = await context.client.get(at(id), GateView);
    showData(context, raw, () => [
      gateLine(context.look, value),
      `  ${context.look.colour.dim('bound to')} ${value.subject}`,
    ]);
  };

export const approve = decide('approve');
export const deny = decide('deny');
