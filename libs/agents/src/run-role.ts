import type { Role, SpecOf, TurnRecord, Usage } from '@millwright/domain';
import { addUsage, DriveError, noUsage } from '@millwright/domain';
import { type Asked, ask } from './ask.ts';
import { assistantBlocks, messagesOf, systemBlocks } from './conversation.ts';
import { type History, historyOf } from './history.ts';
import { masked } from './masked.ts';
import type { Answer } from './model/assemble.ts';
import type { ModelRequest } from './model/client.ts';
import { priceOf } from './model/prices.ts';
import {
  DEFAULT_SETTINGS,
  type Outcome,
  type RoleResult,
  type RunRoleOptions,
  type Settings,
} from './options.ts';
import { ROLES } from './roles/index.ts';
import type { RoleDefinition } from './roles/role.ts';
import { stuck } from './stuck.ts';
import { systemPrompt } from './system-prompt.ts';
import { offeredTools } from './tools/offered.ts';
import { runTurn } from './turn.ts';

class OutOfTime extends Error {}

// Invariants of the loop:
// 1. A turn is recorded, answer and results together, after its calls ran and before the next is asked for. So a crash leaves either the
//    whole turn or nothing of it, and the workspace as the record has it; a recorded turn is never asked for, nor paid for, again. An
//    answer that had come but was not recorded is asked for again: that one may be paid twice, its reservation stays settled as spent.
// 2. A part of an answer is never run: only whole messages leave the model client.
// 3. Every call is reserved before it is made and settled after it (ask.ts).
// 4. The loop ends: by submit, turns, money, time, the stuck detector, refused submits, or its signal.

/**
 * Runs a role over an attempt until it has submitted or cannot. Resumes at the last recorded turn. Never throws for what a model or its
 * endpoint did; throws what the ports throw (a lost database), except that a record refused as cancelled ends as `cancelled`.
 */
export async function runRole<R extends Role>(options: RunRoleOptions<R>): Promise<RoleResult<R>> {
  const limit = new AbortController();
  const { clock, spec } = options;
  const ms = Math.min(spec.limits.wallMs, spec.deadline - clock.now());
  const done = new AbortController();
  const expire = () => limit.abort(new OutOfTime(`the time limit of ${Math.round(ms / 1_000)} s is over`));
  clock.sleep(Math.max(0, ms), done.signal).then(expire, () => undefined);
  const signal = AbortSignal.any([options.signal, limit.signal]);
  const progress = { turns: 0, usage: noUsage() };
  const outcome = await loop(options, signal, progress)
    .catch((error: unknown): Outcome<R> => {
      if (error instanceof DriveError && error.disposition === 'cancelled')
        return { kind: 'cancelled', detail: error.message };
      if (signal.aborted) return aborted(signal);
      throw error;
    })
    .finally(() => done.abort());
  return { ...outcome, ...progress, model: options.model };
}

function aborted(signal: AbortSignal): Outcome<never> {
  const reason: unknown = signal.reason;
  const detail = reason instanceof Error ? reason.message : 'cancelled';
  return reason instanceof OutOfTime
    ? { kind: 'stopped', code: 'time', detail }
    : { kind: 'cancelled', detail };
}

type Progress = { turns: number; usage: Usage };
type State<R extends Role> = { turns: TurnRecord[]; history: History<R> };

async function loop<R extends Role>(
  options: RunRoleOptions<R>,
  signal: AbortSignal,
  progress: Progress,
): Promise<Outcome<R>> {
  const { spec, model } = options;
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const onActivity = options.onActivity ?? (() => undefined);
  if (priceOf(model) === null)
    return {
      kind: 'unavailable',
      code: 'no_price',
      retryable: false,
      detail: `the price of model ${model} is not known, so no budget can hold it`,
    };
  const definition = ROLES[spec.role] as unknown as RoleDefinition<R>;
  const requestFor = requester(options, definition, settings);
  const turns = await options.turns.load();
  const state: State<R> = { turns, history: historyOf(turns, definition, spec) };
  progress.turns = turns.length;
  progress.usage = turns.reduce((sum, turn) => addUsage(sum, turn.usage), noUsage());
  if (state.history.submission !== null) return { kind: 'submitted', submission: state.history.submission };

  for (;;) {
    const over = ended(state, spec, definition, settings);
    if (over !== null) return over;
    if (signal.aborted) return aborted(signal);

    const turn = turns.length + 1;
    onActivity(`thinking (turn ${turn})`);
    await options.turns.asked(turn, model);
    const asked = await ask(requestFor(turns), turn, {
      client: options.client,
      clock: options.clock,
      breaker: options.breaker,
      purse: { budget: options.budget, scopes: options.scopes, key: `${spec.attempt}/${options.fence}` },
      chance: options.chance ?? Math.random,
      signal,
      left: () => spec.limits.usd - progress.usage.usd,
      onActivity,
      ...(settings.retry === undefined ? {} : { retry: settings.retry }),
    });
    if (asked.kind !== 'answered') {
      progress.usage = addUsage(progress.usage, { ...noUsage(), usd: asked.usd });
      return unanswered(asked, signal);
    }
    const { answer } = asked;
    const ran = await runTurn(answer, {
      turn,
      definition,
      spec,
      grant: {
        role: spec.role,
        submit: definition.submit.name,
        writes: definition.writes,
        root: settings.root,
      },
      workspace: options.workspace,
      bashTimeoutMs: settings.bashTimeoutMs,
      signal,
      onActivity,
      seen: state.history.seen,
      ...(options.fingerprint === undefined ? {} : { fingerprint: options.fingerprint }),
    });
    if (ran.gone !== null)
      return { kind: 'unavailable', code: 'sandbox_gone', detail: ran.gone, retryable: true };
    // A command that our own signal cut short is not what the model did: the turn is asked for again on resuming.
    if (signal.aborted && ran.submission === null) return aborted(signal);

    const called = answer.blocks.some((block) => block.kind === 'tool');
    const record = masked({
      turn,
      model,
      assistant: assistantBlocks(answer),
      results: called ? ran.results : [{ type: 'text', text: nudge(answer, definition.submit.name) }],
      stopReason: answer.stopReason,
      usage: { ...answer.tokens, usd: asked.usd },
      action: (ran.actions.join('; ') || 'no call').slice(0, 200),
    });
    await options.turns.record(record);
    turns.push(record);
    progress.turns = turns.length;
    progress.usage = addUsage(progress.usage, record.usage);
    if (ran.submission !== null) return { kind: 'submitted', submission: ran.submission };
    if (answer.stopReason === 'refusal') return { kind: 'stopped', code: 'refused', detail: said(answer) };
    if (answer.stopReason === 'model_context_window_exceeded')
      return { kind: 'stopped', code: 'turns', detail: "the model's context window is full" };
    state.history.seen.push(...ran.observations);
    state.history.strikes += ran.strikes.length;
    state.history.nudges = called ? 0 : state.history.nudges + 1;
  }
}

/** Why the loop asks for no more turns, or null. */
function ended<R extends Role>(
  { turns, history }: State<R>,
  spec: SpecOf<R>,
  { submit, writes }: RoleDefinition<R>,
  settings: Settings,
): Outcome<R> | null {
  const limits = writes === 'anywhere' ? settings.stuck : { ...settings.stuck, unchangedTurns: null };
  const check = stuck(history.seen, limits);
  if (check.kind === 'stuck') return { kind: 'stopped', code: 'stuck', detail: check.pattern };
  if (history.strikes > settings.maxStrikes)
    return {
      kind: 'stopped',
      code: 'schema',
      detail: `${history.strikes} submits were refused; the last: ${lastError(turns)}`,
    };
  if (history.nudges > settings.maxNudges)
    return {
      kind: 'stopped',
      code: 'stuck',
      detail: `ended its turn ${history.nudges} times without ${submit.name}`,
    };
  if (turns.length >= spec.limits.turns)
    return { kind: 'stopped', code: 'turns', detail: `the limit of ${spec.limits.turns} turns is reached` };
  return null;
}

/** What is the same in every request of a role, made once. */
function requester<R extends Role>(
  { spec, model, materials }: RunRoleOptions<R>,
  { submit, writes, brief }: RoleDefinition<R>,
  settings: Settings,
): (turns: readonly TurnRecord[]) => ModelRequest {
  const facts = { root: settings.root, timeoutMs: settings.bashTimeoutMs, submit: submit.name };
  const system = systemBlocks(systemPrompt(spec.role, facts));
  const tools = offeredTools(submit, writes !== 'nowhere');
  const first = brief(spec, materials)
    .filter((part) => part !== '')
    .join('\n\n');
  return (turns) => ({
    model,
    max_tokens: settings.maxTokens,
    system,
    tools,
    messages: messagesOf(first, turns, model),
    metadata: { user_id: spec.attempt },
  });
}

function unanswered(asked: Exclude<Asked, { kind: 'answered' }>, signal: AbortSignal): Outcome<never> {
  if (asked.kind === 'money') return { kind: 'stopped', code: 'money', detail: asked.detail };
  const { failure, retryable, retryAfterMs, tries } = asked;
  if (failure.kind === 'cancelled') return aborted(signal);
  const detail = tries > 1 ? `${failure.detail} (asked ${tries} times)` : failure.detail;
  const after = retryAfterMs === null ? {} : { retryAfterMs };
  return { kind: 'unavailable', code: failure.kind, detail, retryable, ...after };
}

function nudge(answer: Answer, submit: string): string {
  return answer.stopReason === 'max_tokens'
    ? `Your answer was cut off at its limit. Go on in smaller steps; end by calling ${submit}.`
    : `You ended your turn without a call. Go on with the work; when it is done, call ${submit}.`;
}

function said(answer: Answer): string {
  const text = answer.blocks.flatMap((block) =>
    block.kind === 'plain' && block.block.type === 'text' ? [String(block.block.text)] : [],
  );
  return text.join(' ').slice(0, 500) || 'the model refused to go on';
}

function lastError(turns: readonly TurnRecord[]): string {
  for (const turn of turns.toReversed())
    for (const result of turn.results as { is_error?: boolean; content?: unknown }[])
      if (result.is_error === true) return String(result.content).slice(0, 500);
  return 'unknown';
}
