import type { Answered, GateView } from '@millwright/api';

import { type Context, show as showData } from '../context.ts';
import { Fail, failed } from '../fail.ts';
import { oneLine } from '../text/plain.ts';
import { gateLines, gateList, gateShow } from '../views/gate.ts';
import { wordsOf } from '../views/state.ts';

type Options = Record<string, string | boolean | undefined>;

export async function list(context: Context, _args: string[], options: Options): Promise<void> {
  const all = options.all === true;
  const repo = options.repo as string | undefined;
  const { raw, value } = await context.client.all('listGates', {
    query: { repo, state: all ? 'all' : 'waiting' },
  });
  showData(context, raw, () => gateList(context.look, value, context.now(), { all, repo }));
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

/** Where a word that was recorded did not come to what it was meant for: somebody else's was there first. */
function otherwise(verb: 'approve' | 'deny', { id, state, reason }: GateView): Fail | null {
  // A yes may wait for others', or to be judged.
  const meant = verb === 'approve' ? ['allowed', 'waiting', 'asked'] : ['denied'];
  if (meant.includes(state)) return null;
  const next = `./millwright gate show ${id}`;
  const what = `your ${verb === 'approve' ? 'yes' : 'no'} is recorded, and the gate`;
  if (state === 'denied')
    return new Fail({ code: 'denied', message: `${what} is denied: ${oneLine(reason)}`, next, exitCode: 5 });
  return failed('gate_otherwise', `${what} is ${wordsOf(state)}: ${oneLine(reason)}`, { next });
}

/** Exit code 0 where it came to what was asked for, or waits for more; 5 where it was denied all the same. */
const decide =
  (verb: 'approve' | 'deny') =>
  async (context: Context, [id = '']: string[], options: Options) => {
    await context.client.call(`${verb}Gate`, { params: { id }, body: { reason: String(options.reason) } });
    const { raw, value } = await judged(context, id);
    showData(context, raw, () => [
      ...gateLines(context.look, value),
      `    ${context.look.colour.dim('bound to')} ${value.subject}`,
    ]);
    const other = otherwise(verb, value);
    if (other !== null) throw other;
  };

export const approve = decide('approve');
export const deny = decide('deny');
