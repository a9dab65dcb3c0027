import { GateEvidence, GateView } from '@millwright/api';
import { z } from 'zod';
import type { Answered } from '../client.ts';
import { type Context, show as showData } from '../context.ts';
import { gateLines, gateList, gateShow } from '../views/gate.ts';

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
  const [gate, evidence] = await Promise.all([
    context.client.get(at(id), GateView),
    context.client.get(`${at(id)}/evidence`, GateEvidence),
  ]);
  showData(context, { ...(gate.raw as object), evidence: evidence.raw }, () =>
    gateShow(context.look, gate.value, evidence.value, context.now()),
  );
}

/** What a yes leads to is known a moment after it: it is judged once more. */
const JUDGED_MS = 5_000;
const LOOK_MS = 100;

async function judged(context: Context, id: string): Promise<Answered<GateView>> {
  for (const until = context.now() + JUDGED_MS; ; ) {
    const gate = await context.client.get(at(id), GateView);
    if (gate.value.state !== 'asked' || context.now() > until) return gate;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

const decide =
  (verb: 'approve' | 'deny') =>
  async (context: Context, [id = '']: string[], options: Options) => {
    await context.client.post(`${at(id)}/${verb}`, z.unknown(), { reason: options.reason });
    const { raw, value } = await judged(context, id);
    showData(context, raw, () => [
      ...gateLines(context.look, value),
      `    ${context.look.colour.dim('bound to')} ${value.subject}`,
    ]);
  };

export const approve = decide('approve');
export const deny = decide('deny');
