import type { Answered, GateView } from '@millwright/api';

import { type Context, show as showData } from '../context.ts';
import { gateLines, gateList, gateShow } from '../views/gate.ts';

type Options = Record<string, string | boolean | undefined>;

export async function list(context: Context, _args: string[], options: Options): Promise<void> {
  const all = options.all === true;
  const { raw, value } = await context.client.all('listGates', { query: { state: all ? 'all' : 'waiting' } });
  showData(context, raw, () => gateList(context.look, value, context.now(), all));
}

export async function show(context: Context, [id = '']: string[]): Promise<void> {
  const [gate, evidence] = await Promise.all([
    context.client.call('showGate', { params: { id } }),
    context.client.call('showEvidence', { params: { id } }),
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
    const gate = await context.client.call('showGate', { params: { id } });
    if (gate.value.state !== 'asked' || context.now() > until) return gate;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

const decide =
  (verb: 'approve' | 'deny') =>
  async (context: Context, [id = '']: string[], options: Options) => {
    await context.client.call(`${verb}Gate`, { params: { id }, body: { reason: String(options.reason) } });
    const { raw, value } = await judged(context, id);
    showData(context, raw, () => [
      ...gateLines(context.look, value),
      `    ${context.look.colour.dim('bound to')} ${value.subject}`,
    ]);
  };

export const approve = decide('approve');
export const deny = decide('deny');
