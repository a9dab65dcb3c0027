import { createHash } from 'node:crypto';
import type Anthropic from '@anthropic-ai/sdk';
import type { Role, SpecOf, Workspace } from '@millwright/domain';
import { outputPath } from './conversation.ts';
import type { Answer, ToolCall } from './model/assemble.ts';
import { acceptSubmit } from './roles/noticed.ts';
import type { RoleDefinition, Submissions } from './roles/role.ts';
import type { Observation } from './stuck.ts';
import { runBash } from './tools/bash.ts';
import { type BesideCommands, looksBeside } from './tools/beside.ts';
import { action, bounded } from './tools/bound.ts';
import { runEdit, type ToolOutcome } from './tools/edit.ts';
import type { Picture } from './tools/picture.ts';
import { type Grant, type Prepared, prepareToolCall } from './tools/prepare.ts';

/** Calls of one answer that are run; the rest get a result that says so. */
const MAX_CALLS = 32;

// One answer's tool calls, run in order. Nothing here throws for what a model did: every call gets a result.

export type TurnContext<R extends Role> = {
  turn: number;
  definition: RoleDefinition<R>;
  spec: SpecOf<R>;
  grant: Grant;
  workspace: Workspace;
  bashTimeoutMs: number;
  maxBashTimeoutMs: number;
  beside: BesideCommands;
  /** Whether the model takes pictures. */
  pictures: boolean;
  signal: AbortSignal;
  onActivity: (text: string) => void;
  /** Fingerprint of the workspace, where the caller can tell it cheaply. */
  fingerprint?: () => Promise<string>;
  seen: readonly Observation[];
};

export type TurnOutcome<R extends Role> = {
  results: Anthropic.ToolResultBlockParam[];
  observations: Observation[];
  submission: Submissions[R] | null;
  noticed: readonly string[];
  /** Submits that were refused: off schema, foreign, doubled. */
  strikes: string[];
  actions: string[];
  /** The sandbox is no more. */
  gone: string | null;
};

export async function runTurn<R extends Role>(
  answer: Answer,
  context: TurnContext<R>,
): Promise<TurnOutcome<R>> {
  const calls = answer.blocks.filter((block) => block.kind === 'tool');
  const submits = calls.filter((call) => call.name === context.grant.submit).length;
  const out: TurnOutcome<R> = {
    results: [],
    observations: [],
    submission: null,
    noticed: [],
    strikes: [],
    actions: [],
    gone: null,
  };
  let failed: string | null = null;
  for (const [index, call] of calls.entries()) {
    const prepared = prepareToolCall(call, context.grant);
    out.actions.push(prepared.action);
    context.onActivity(prepared.action);
    const give = (ok: boolean, said: string, picture?: Picture) => {
      const text = said === '' ? '(nothing)' : said;
      const content = picture === undefined ? text : [{ type: 'text' as const, text }, picture.block];
      out.results.push({
        type: 'tool_result',
        tool_use_id: call.id,
        content,
        ...(ok ? {} : { is_error: true }),
      });
    };
    if (out.submission !== null) {
      give(false, 'not run: it came after the submit');
    } else if (index >= MAX_CALLS) {
      give(false, `not run: at most ${MAX_CALLS} calls a turn`);
    } else if (prepared.kind === 'submit') {
      const accepted =
        submits > 1
          ? TWICE
          : failed === null
            ? acceptSubmit(context.definition, prepared.value, context.spec)
            : tooSoon(failed);
      if (accepted.kind === 'accepted') {
        out.submission = accepted.submission;
        out.noticed = accepted.noticed;
      } else out.strikes.push(accepted.problem);
      give(
        accepted.kind === 'accepted',
        accepted.kind === 'accepted' ? 'accepted' : `not accepted: ${bounded(accepted.problem, 4_000)}`,
      );
    } else {
      const outcome = await execute(prepared, context, outputPath(context.turn, index));
      if ('gone' in outcome) {
        out.gone = outcome.gone;
        return out;
      }
      if (prepared.kind === 'refused' && prepared.why === 'foreign_submit') out.strikes.push(outcome.text);
      if (!outcome.ok) failed = action(prepared.action);
      give(outcome.ok, outcome.text, outcome.picture);
      if (!(call.input.kind === 'json' && looksBeside(call.name, call.input.value)))
        out.observations.push(observe(call, outcome, context, out.observations));
    }
  }
  return out;
}

const TWICE = { kind: 'refused', problem: 'submit once, and alone in its turn' } as const;
const tooSoon = (what: string) =>
  ({
    kind: 'refused',
    problem: `a call before it in this turn failed (${what}); look at that first, then submit alone`,
  }) as const;

async function execute<R extends Role>(
  prepared: Exclude<Prepared, { kind: 'submit' }>,
  context: TurnContext<R>,
  file: string,
): Promise<ToolOutcome | { gone: string }> {
  switch (prepared.kind) {
    case 'refused':
      return { ok: false, text: prepared.message, changed: false };
    case 'edit':
      return runEdit(context.workspace, prepared.path, prepared.input);
    case 'bash': {
      const before = await context.fingerprint?.();
      const { bashTimeoutMs: timeoutMs, maxBashTimeoutMs: maxTimeoutMs, signal, beside, pictures } = context;
      const options = { timeoutMs, maxTimeoutMs, file, signal, beside, pictures };
      const outcome = await runBash(context.workspace, prepared.input, options);
      if ('gone' in outcome || before === undefined) return outcome;
      return { ...outcome, changed: (await context.fingerprint?.()) !== before };
    }
  }
}

function observe<R extends Role>(
  call: ToolCall,
  outcome: ToolOutcome,
  context: TurnContext<R>,
  sofar: readonly Observation[],
): Observation {
  const one = {
    turn: context.turn,
    call: fingerprint([call.name, call.input]),
    result: fingerprint([outcome.ok, outcome.text]),
    label: action(
      `${call.name} ${call.input.kind === 'json' ? JSON.stringify(call.input.value) : call.input.kind}`,
    ).slice(0, 120),
  };
  const novel = ![...context.seen, ...sofar].some(
    (other) => other.call === one.call && other.result === one.result,
  );
  // Without a fingerprint of the workspace a command that shows something new counts as a change.
  const changed = outcome.changed || (call.name === 'bash' && context.fingerprint === undefined && novel);
  return { ...one, novel, changed };
}

export const fingerprint = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 22);
