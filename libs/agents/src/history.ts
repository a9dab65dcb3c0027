import type Anthropic from '@anthropic-ai/sdk';
import type { Role, SpecOf, TurnRecord } from '@millwright/domain';
import { acceptSubmit } from './roles/noticed.ts';
import type { RoleDefinition, Submissions } from './roles/role.ts';
import type { Observation } from './stuck.ts';
import { looksBeside } from './tools/beside.ts';
import { fingerprint } from './turn.ts';

// What the recorded turns of an attempt come to: where a resumed one goes on. Pure.

export type History<R extends Role> = {
  /** Submits that were refused so far, and turns that ended without any call. */
  strikes: number;
  nudges: number;
  seen: Observation[];
  /** Set when the last recorded turn had its submit accepted: nothing is left to ask. */
  submission: Submissions[R] | null;
  noticed: readonly string[];
};

export function historyOf<R extends Role>(
  turns: readonly TurnRecord[],
  definition: RoleDefinition<R>,
  spec: SpecOf<R>,
): History<R> {
  const history: History<R> = { strikes: 0, nudges: 0, seen: [], submission: null, noticed: [] };
  for (const turn of turns) {
    if (turn.handover === true) {
      history.nudges = 0;
      continue;
    }
    const calls = (turn.assistant as Anthropic.ContentBlockParam[]).filter(
      (block) => block.type === 'tool_use',
    );
    if (calls.length === 0) history.nudges += 1;
    else history.nudges = 0;
    for (const call of calls) {
      const result = (turn.results as Anthropic.ContentBlockParam[]).find(
        (one) => one.type === 'tool_result' && one.tool_use_id === call.id,
      );
      if (result?.type !== 'tool_result') continue;
      const ok = result.is_error !== true;
      if (call.name === definition.submit.name && ok) {
        const accepted = acceptSubmit(definition, call.input, spec);
        if (accepted.kind === 'accepted') {
          history.submission = accepted.submission;
          history.noticed = accepted.noticed;
        }
      } else if (call.name.startsWith('submit_')) {
        history.strikes += 1;
      }
      if (call.name !== definition.submit.name && !looksBeside(call.name, call.input))
        history.seen.push(observed(turn.turn, call, ok, result, history.seen));
    }
  }
  return history;
}

function observed(
  turn: number,
  call: Anthropic.ToolUseBlockParam,
  ok: boolean,
  result: Anthropic.ToolResultBlockParam,
  before: readonly Observation[],
): Observation {
  const one = {
    turn,
    call: fingerprint([call.name, { kind: 'json', value: call.input }]),
    result: fingerprint([ok, result.content]),
    label: call.name,
  };
  const novel = !before.some((other) => other.call === one.call && other.result === one.result);
  return { ...one, novel, changed: novel };
}
