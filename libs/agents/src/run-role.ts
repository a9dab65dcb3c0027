import type { Role, TurnRecord, Usage } from '@millwright/domain';
import { DriveError } from '@millwright/domain';
import { ask } from './ask.ts';
import { assistantBlocks, messagesOf, systemBlocks } from './conversation.ts';
import { historyOf } from './history.ts';
import type { Answer } from './model/assemble.ts';
import { addUsage, NO_USAGE, priceOf } from './model/prices.ts';
import type { Outcome, RoleResult, RunRoleOptions } from './options.ts';
import { DEFAULT_SETTINGS } from './options.ts';
import { ROLES } from './roles/index.ts';
import type { RoleDefinition } from './roles/role.ts';
import { type Stuck, stuck } from './stuck.ts';
import { systemPrompt } from './system-prompt.ts';
import { offeredTools } from './tools/offered.ts';
import type { Grant } from './tools/prepare.ts';
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
  const progress = { turns: 0, usage: NO_USAGE };
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

async function loop<R extends Role>(
  options: RunRoleOptions<R>,
  signal: AbortSignal,
  progress: { turns: number; usage: Usage },
): Promise<Outcome<R>> {
  const { spec, model, clock, workspace } = options;
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
  const { submit, writes } = definition;
  const grant: Grant = { role: spec.role, submit: submit.name, writes, root: settings.root };
  const system = systemBlocks(
    systemPrompt(spec.role, { root: settings.root, timeoutMs: settings.bashTimeoutMs, submit: submit.name }),
  );
  const tools = offeredTools(submit, writes !== 'nowhere');
  const brief = definition
    .brief(spec, options.materials)
    .filter((part) => part !== '')
    .join('\n\n');

  const turns: TurnRecord[] = await options.turns.load();
  progress.turns = turns.length;
  progress.usage = turns.reduce((sum, turn) => addUsage(sum, turn.usage), NO_USAGE);
  const history = historyOf(turns, definition, spec);
  if (history.submission !== null) return { kind: 'submitted', submission: history.submission };

  for (;;) {
    const check: Stuck = stuck(history.seen, {
      ...settings.stuck,
      ...(writes === 'anywhere' ? {} : { unchangedTurns: null }),
    });
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
    if (signal.aborted) return aborted(signal);

    const turn = turns.length + 1;
    onActivity(`thinking (turn ${turn})`);
    const request = {
      model,
      max_tokens: settings.maxTokens,
      system,
      tools,
      messages: messagesOf(brief, turns, model),
      metadata: { user_id: spec.attempt },
    };
    const asked = await ask(request, turn, {
      client: options.client,
      clock,
      breaker: options.breaker,
      purse: { budget: options.budget, scopes: options.scopes, key: `${spec.attempt}/${options.fence}` },
      chance: options.chance ?? Math.random,
      signal,
      left: () => spec.limits.usd - progress.usage.usd,
      onActivity,
      ...(settings.retry === undefined ? {} : { retry: settings.retry }),
    });
    if (asked.kind !== 'answered') {
      progress.usage = addUsage(progress.usage, { ...NO_USAGE, usd: asked.usd });
      if (asked.kind === 'money') return { kind: 'stopped', code: 'money', detail: asked.detail };
      if (asked.failure.kind === 'cancelled') return aborted(signal);
      const { failure, retryable, retryAfterMs, tries } = asked;
      const detail = tries > 1 ? `${failure.detail} (asked ${tries} times)` : failure.detail;
      return {
        kind: 'unavailable',
        code: failure.kind,
        detail,
        retryable,
        ...(retryAfterMs === null ? {} : { retryAfterMs }),
      };
    }

    const { answer } = asked;
    const ran = await runTurn(answer, {
      turn,
      definition,
      spec,
      grant,
      workspace,
      bashTimeoutMs: settings.bashTimeoutMs,
      signal,
      onActivity,
      seen: history.seen,
      ...(options.fingerprint === undefined ? {} : { fingerprint: options.fingerprint }),
    });
    if (ran.gone !== null)
      return { kind: 'unavailable', code: 'sandbox_gone', detail: ran.gone, retryable: true };
    // A command that our own signal cut short is not what the model did: the turn is asked for again on resuming.
    if (signal.aborted && ran.submission === null) return aborted(signal);

    const called = answer.blocks.some((block) => block.kind === 'tool');
    const record: TurnRecord = {
      turn,
      model,
      assistant: assistantBlocks(answer),
      results: called ? ran.results : [{ type: 'text', text: nudge(answer, submit.name) }],
      stopReason: answer.stopReason,
      usage: { ...answer.tokens, usd: asked.usd },
      action: (ran.actions.join('; ') || 'no call').slice(0, 200),
    };
    await options.turns.record(record);
    turns.push(record);
    progress.turns = turns.length;
    progress.usage = addUsage(progress.usage, record.usage);
    if (ran.submission !== null) return { kind: 'submitted', submission: ran.submission };
    if (answer.stopReason === 'refusal') return { kind: 'stopped', code: 'refused', detail: said(answer) };
    if (answer.stopReason === 'model_context_window_exceeded')
      return { kind: 'stopped', code: 'turns', detail: "the model's context window is full" };
    history.seen.push(...ran.observations);
    history.strikes += ran.strikes.length;
    history.nudges = called ? 0 : history.nudges + 1;
  }
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
