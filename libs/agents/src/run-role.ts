import type Anthropic from '@anthropic-ai/sdk';
import type { AttemptSpec, ConversationChange, Role, TurnRecord, Usage } from '@millwright/domain';
import { addUsage, DriveError, maskSecrets, noUsage, shareOfLimits } from '@millwright/domain';
import { type Asked, ask } from './ask.ts';
import { estimate, type Gauge, reliefOf, roomOf } from './context.ts';
import {
  assistantBlocks,
  COMPACTION_BETA,
  type Conversation,
  messagesOf,
  type PutAside,
  putAside,
  recalled,
  resultBlocks,
  summaryIn,
  systemBlocks,
  thinks,
  withoutThinking,
} from './conversation.ts';
import {
  afterAttempt,
  askForHandover,
  computedHandover,
  handoverIn,
  NOWHERE,
  openingAfter,
  SUMMARIZE,
  withReason,
} from './handover.ts';
import { type History, historyOf } from './history.ts';
import { masked, maskedResults } from './masked.ts';
import type { Answer } from './model/assemble.ts';
import { BUILT_IN, type Catalog, factsOfModel, type ModelFacts, unknownModel } from './model/catalog.ts';
import { answerTokensOf, effortFor } from './model/choice.ts';
import type { ModelRequest } from './model/client.ts';
import {
  DEFAULT_SETTINGS,
  type Outcome,
  type RoleResult,
  type RunRoleOptions,
  type Settings,
} from './options.ts';
import { ROLES } from './roles/index.ts';
import type { RoleDefinition } from './roles/role.ts';
import { sizeOf } from './size.ts';
import { stuck } from './stuck.ts';
import { systemPrompt } from './system-prompt.ts';
import { lastThought } from './thought.ts';
import { BesideCommands } from './tools/beside.ts';
import { offeredTools } from './tools/offered.ts';
import { saveFiles } from './tools/save.ts';
import { runTurn } from './turn.ts';

class OutOfTime extends Error {}

/** Kept of a stage's time for taking out of its sandbox what is left of its work. One that has not twice as much just ends. */
const LEAVE_MS = 60_000;

/** Ends that say that there was too much to do. */
const OVER: readonly string[] = ['turns', 'money', 'conversations'];

/** Ends of which a next attempt is told what was done by then. */
const LEAVES: readonly string[] = [...OVER, 'time', 'stuck', 'schema'];

/** Conversations of a stage that are left since they come to nothing: the next one that does ends it. */
const MAX_LEFT = 1;

const noHistory = () => ({ strikes: 0, nudges: 0, seen: [], submission: null, noticed: [] });

// Invariants of the loop:
// 1. A turn is recorded, answer and results together, after its calls ran and before the next is asked for. So a crash leaves either the
//    whole turn or nothing of it, and the workspace as the record has it; a recorded turn is never asked for, nor paid for, again. An
//    answer that had come but was not recorded is asked for again: that one may be paid twice, its reservation stays settled as spent.
// 2. A part of an answer is never run: only whole messages leave the model client.
// 3. Every call is reserved before it is made and settled after it (ask.ts).
// 4. What is sent only grows (conversation.ts). Where it has to change all the same, that is said on the trail before the next request.
// 5. A conversation that is full hands over to a new one on the same workspace; a request that the API or a model does not take has a way on
//    each, tried once and in order. Every way makes the conversation smaller or the list of models shorter.
// 6. A conversation that goes in circles, or whose submits are refused, is left for a new one once.
// 7. The loop ends: by submit, turns, money, time, being stuck once more, its signal, or because no way on is left.

/**
 * Runs a role over an attempt until it has submitted or cannot. Resumes at the last recorded turn. Never throws for what a model or its
 * endpoint did; throws what the ports throw (a lost database), except that a record refused as cancelled ends as `cancelled`.
 */
export async function runRole<R extends Role>(options: RunRoleOptions<R>): Promise<RoleResult<R>> {
  const limit = new AbortController();
  const { clock, spec, models } = options;
  const whole = Math.min(spec.limits.wallMs, spec.deadline - clock.now());
  const leaves = whole > 2 * LEAVE_MS;
  const ms = leaves ? whole - LEAVE_MS : whole;
  const done = new AbortController();
  const expire = () =>
    limit.abort(
      new OutOfTime(
        `the time limit of ${Math.round(ms / 1_000)} s is over (${settingOf(spec, 'time')}, or what its run had left)`,
      ),
    );
  clock.sleep(Math.max(0, ms), done.signal).then(expire, () => undefined);
  const signal = AbortSignal.any([options.signal, limit.signal]);
  const progress = { turns: 0, usage: noUsage(), model: models[0] ?? 'none' };
  const loop = new Loop(options, signal, progress, clock.now() + ms);
  const outcome = await loop
    .run()
    .catch((error: unknown): Outcome<R> => {
      if (error instanceof DriveError && error.disposition === 'cancelled')
        return { kind: 'cancelled', detail: error.message };
      if (signal.aborted) return aborted(signal);
      throw error;
    })
    .finally(() => done.abort());
  return { ...loop.left(outcome, leaves), ...progress };
}

function aborted(signal: AbortSignal): Extract<Outcome<never>, { detail: string }> {
  const reason: unknown = signal.reason;
  const detail = reason instanceof Error ? reason.message : 'cancelled';
  return reason instanceof OutOfTime
    ? { kind: 'stopped', code: 'time', detail }
    : { kind: 'cancelled', detail };
}

type Progress = { turns: number; usage: Usage; model: string };
type Block = Anthropic.ContentBlockParam;
type Answered = Extract<Asked, { kind: 'answered' }>;
type Unanswered = Exclude<Asked, Answered>;
type Nowhere = { code: 'stuck' | 'schema'; detail: string };

/** One attempt's conversations, one after the other. `run` is the loop; everything else is a step of it. */
class Loop<R extends Role> {
  readonly #options: RunRoleOptions<R>;
  readonly #settings: Settings;
  readonly #definition: RoleDefinition<R>;
  readonly #catalog: Catalog;
  readonly #signal: AbortSignal;
  readonly #progress: Progress;
  readonly #ends: number;
  readonly #brief: string;
  readonly #stable: Pick<ModelRequest, 'system' | 'tools' | 'metadata'>;
  readonly #activity: (text: string) => void;
  readonly #beside: BesideCommands;
  #records: TurnRecord[] = [];
  #history: History<R> = noHistory();
  /** Conversations that came to nothing. */
  #left = 0;
  #conversation: Conversation;
  /** What the conversation before this one handed over. */
  #note: string | null = null;
  #gauge: Gauge = null;
  /** Lowered where a model takes less than is known of it. */
  #most = Number.POSITIVE_INFINITY;
  /** Set where an answer was cut off: twice as long the next time. */
  #answerTokens: number | null = null;
  #warned = false;
  /** This conversation has the news, from its first message or since. */
  #told = false;
  /** Set where the endpoint sums nothing up, whatever the model can. */
  #sumsUp = true;
  #round = { turn: 0, requests: 0 };

  constructor(options: RunRoleOptions<R>, signal: AbortSignal, progress: Progress, ends: number) {
    const { spec, materials } = options;
    this.#options = options;
    this.#settings = { ...DEFAULT_SETTINGS, ...options.settings };
    this.#definition = ROLES[spec.role] as unknown as RoleDefinition<R>;
    this.#catalog = options.catalog ?? BUILT_IN;
    this.#signal = signal;
    this.#progress = progress;
    this.#ends = ends;
    this.#activity = options.onActivity ?? (() => undefined);
    this.#beside = new BesideCommands(options.workspace);
    const { submit, writes, brief } = this.#definition;
    const { root, bashTimeoutMs, maxBashTimeoutMs } = this.#settings;
    const facts = { root, timeoutMs: bashTimeoutMs, maxTimeoutMs: maxBashTimeoutMs, submit: submit.name };
    this.#stable = {
      system: systemBlocks(systemPrompt(spec.role, facts)),
      tools: offeredTools(submit, writes !== 'nowhere'),
      metadata: { user_id: spec.attempt },
    };
    this.#brief = [
      ...brief(spec, materials),
      spec.handedOver === undefined ? '' : afterAttempt(spec.handedOver, spec.workspace !== undefined),
    ]
      .filter((part) => part !== '')
      .join('\n\n');
    this.#conversation = { opening: this.#brief, turns: [] };
  }

  /**
   * Work that its stage is over for before it is done is handed in as that, where the role can: what is done of it is kept. Any other
   * such end leaves an account of it to the next attempt.
   */
  left(outcome: Outcome<R>, inTime: boolean): Outcome<R> {
    const { unfinished } = this.#definition;
    if (outcome.kind !== 'stopped' || !LEAVES.includes(outcome.code)) return outcome;
    const note = computedHandover(this.#records, this.#note ?? this.#options.spec.handedOver ?? null);
    const tooMuch = OVER.includes(outcome.code) || (outcome.code === 'time' && inTime);
    return unfinished !== undefined && tooMuch
      ? { kind: 'submitted', submission: unfinished(outcome.detail, note) }
      : { ...outcome, handedOver: note };
  }

  /** What runs beside the conversation ends with it, whatever ends that. */
  async run(): Promise<Outcome<R>> {
    try {
      return await this.#converse();
    } finally {
      await this.#beside.end();
    }
  }

  async #converse(): Promise<Outcome<R>> {
    const unknown = this.#options.models.find((model) => factsOfModel(model, this.#catalog) === null);
    if (unknown !== undefined || this.#options.models.length === 0)
      return {
        kind: 'unavailable',
        code: 'no_price',
        retryable: false,
        detail: unknownModel(unknown ?? '(none)', this.#catalog),
      };
    await this.#recall();
    const { submission, noticed } = this.#history;
    if (submission !== null) return { kind: 'submitted', submission, noticed };

    for (;;) {
      const over = this.#ended() ?? (await this.#relieve()) ?? this.#ended();
      if (over !== null) return over;
      if (this.#signal.aborted) return aborted(this.#signal);
      this.#activity(`thinking (turn ${this.#turn})`);
      const asked = await this.#ask();
      if (asked.kind !== 'answered') {
        const end = await this.#wayOn(asked);
        if (end !== null) return end;
        continue;
      }
      const end = await this.#take(asked);
      if (end !== null) return end;
    }
  }

  get #turn(): number {
    return this.#records.length + 1;
  }

  get #facts(): ModelFacts {
    const facts = factsOfModel(this.#progress.model, this.#catalog);
    if (facts === null) throw new Error(unknownModel(this.#progress.model, this.#catalog));
    return facts;
  }

  get #wantedTokens(): number {
    const wanted = this.#answerTokens ?? this.#settings.maxTokens ?? answerTokensOf(this.#options.spec.role);
    return Math.min(wanted, this.#facts.maxOutput);
  }

  /** Takes up where the log ends. */
  async #recall(): Promise<void> {
    const { turns, changes } = await this.#options.turns.load();
    this.#records = turns;
    const left = changes.filter(({ reason }) => reason.startsWith(NOWHERE));
    this.#left = left.length;
    const since = left.at(-1)?.after ?? 0;
    this.#history = historyOf(
      turns.filter(({ turn }) => turn > since),
      this.#definition,
      this.#options.spec,
    );
    this.#progress.turns = turns.length;
    this.#progress.usage = turns.reduce((sum, turn) => addUsage(sum, turn.usage), noUsage());
    if (this.#history.submission !== null) {
      this.#progress.model = turns.at(-1)?.model ?? this.#progress.model;
      return;
    }
    const model = changes.findLast((change) => change.kind === 'model_changed')?.model;
    if (model !== undefined && this.#options.models.includes(model)) this.#progress.model = model;
    const handed = changes.findLast((change) => change.kind === 'handed_over');
    this.#note = handed?.note ?? null;
    const own = turns.filter(({ turn, handover }) => turn > (handed?.after ?? 0) && handover !== true);
    const anew = this.#note === null ? this.#brief : openingAfter(this.#brief, this.#note);
    this.#conversation = recalled(own[0]?.opening ?? anew, own);
    const aside = changes.findLast(
      (change) => change.kind === 'put_aside' && change.after > (handed?.after ?? 0),
    );
    if (aside?.upTo != null) {
      // What lay in /tmp went with the sandbox.
      const { conversation, files } = putAside(this.#conversation, aside.upTo);
      await this.#save(files);
      this.#conversation = conversation;
    }
    const thought = own.some(({ assistant }) =>
      (assistant as Block[]).some(({ type }) => type === 'thinking' || type === 'redacted_thinking'),
    );
    if (thought) await this.#changed('thinking_dropped', 'the conversation is read back from its records');
  }

  async #save(files: readonly PutAside[]): Promise<void> {
    if (files.length > 0) await saveFiles(this.#options.workspace, files, this.#signal);
  }

  async #changed(
    kind: ConversationChange['kind'],
    reason: string,
    more: Partial<Pick<ConversationChange, 'upTo' | 'note'>> = {},
  ): Promise<void> {
    const after = this.#records.length;
    this.#activity(`${kind.replace('_', ' ')}: ${reason}`.slice(0, 200));
    const change = { kind, reason: reason.slice(0, 1_000), model: this.#progress.model, after };
    await this.#options.turns.changed({ ...change, upTo: more.upTo ?? null, note: more.note ?? null });
  }

  /** A limit of the stage that is reached, or null. */
  #ended(): Outcome<R> | null {
    const { turns, conversations = Number.POSITIVE_INFINITY } = this.#options.spec.limits;
    if (this.#records.length >= turns) return this.#limit('turns', `${turns} turns`, 'turns');
    const full = this.#records.filter(({ handover }) => handover === true).length;
    return full >= conversations
      ? this.#limit('conversations', `${full} conversations`, 'conversations')
      : null;
  }

  /** With the setting that it follows, for whoever lets the run go on. */
  #limit(
    code: 'turns' | 'conversations' | 'money',
    what: string,
    setting: 'turns' | 'conversations' | 'usd',
  ): Extract<Outcome<R>, { kind: 'stopped' }> {
    const share = code === 'conversations' ? 1 : shareOfLimits(this.#options.spec.role);
    const follows = `${share === 1 ? '' : 'half of '}${settingOf(this.#options.spec, setting)}`;
    return { kind: 'stopped', code, detail: `the stage's limit of ${what} is reached (${follows})` };
  }

  /** Why this conversation comes to nothing, or null. */
  #nowhere(): Nowhere | null {
    const { submit, writes } = this.#definition;
    const { maxStrikes, maxNudges } = this.#settings;
    const limits =
      writes === 'anywhere' ? this.#settings.stuck : { ...this.#settings.stuck, unchangedTurns: null };
    const { seen, strikes, nudges } = this.#history;
    const check = stuck(seen, limits);
    if (check.kind === 'stuck') return { code: 'stuck', detail: check.pattern };
    if (strikes > maxStrikes)
      return {
        code: 'schema',
        detail: `${strikes} submits were refused; the last: ${lastError(this.#records)}`,
      };
    return nudges > maxNudges
      ? { code: 'stuck', detail: `ended its turn ${nudges} times without ${submit.name}` }
      : null;
  }

  /** Makes room, or begins anew, before the next request where that is due. Not null: the attempt ends here. */
  async #relieve(): Promise<Outcome<R> | null> {
    const last = this.#records.at(-1);
    if (last?.stopReason === 'refusal' && this.#conversation.turns.at(-1)?.turn === last.turn)
      return this.#afterRefusal(last);
    const nowhere = this.#nowhere();
    if (nowhere !== null) return this.#leave(nowhere);
    const { contextTokens, conversationTurns } = this.#settings;
    const room = Math.min(this.#most, roomOf(this.#facts, contextTokens, this.#wantedTokens));
    const tokens = estimate(this.#bytes(), this.#gauge);
    const relief = reliefOf(this.#conversation, tokens, { room, turns: conversationTurns });
    if (relief.kind === 'none') return null;
    const reason =
      relief.kind === 'hand_over' ? relief.reason : `the conversation has ${tokens} tokens of ${room}`;
    const summed = await this.#sumUp(reason);
    if (summed !== 'no summary') return summed;
    if (relief.kind === 'hand_over') return this.#handOver(reason, true);
    await this.#putAside(relief.upTo, reason);
    return null;
  }

  /** Where the model has it, the API sums the conversation up: it reads it from the cache, and the next one begins with its summary. */
  async #sumUp(reason: string): Promise<Outcome<R> | null | 'no summary'> {
    if (!this.#facts.compaction || !this.#sumsUp) return 'no summary';
    this.#activity(`sums up: ${reason}`.slice(0, 200));
    const asked = await this.#ask({ sumUp: true });
    if (asked.kind !== 'answered') {
      await this.#unanswered(asked);
      if (asked.kind !== 'failed') return this.#short(asked);
      if (asked.failure.kind === 'cancelled') return aborted(this.#signal);
      this.#sumsUp = asked.retryable;
      return 'no summary';
    }
    const summary = summaryIn(asked.answer);
    const text = summary?.text ?? `(no summary: ${asked.answer.refusal ?? asked.answer.stopReason})`;
    await this.#record(asked, [{ type: 'text', text }], [], 'sums up', true);
    if (summary === null) return 'no summary';
    await this.#begin(reason, maskSecrets(text));
    this.#conversation = { opening: openingAfter(this.#brief, null), turns: [], summary };
    return null;
  }

  #bytes(): number {
    return sizeOf([this.#stable, messagesOf(this.#conversation)]);
  }

  async #putAside(upTo: number, reason: string): Promise<void> {
    const { conversation, files } = putAside(this.#conversation, upTo);
    await this.#save(files);
    await this.#changed('put_aside', reason, { upTo });
    this.#conversation = conversation;
  }

  /** A new conversation, which does not know all that went wrong in this one, may go another way; once. */
  async #leave({ code, detail }: Nowhere): Promise<Outcome<R> | null> {
    if (this.#left >= MAX_LEFT) return { kind: 'stopped', code, detail };
    this.#left += 1;
    const end = await this.#handOver(`${NOWHERE}${detail}`, false);
    this.#history = noHistory();
    return end;
  }

  /** A new conversation on the same workspace. `asks`: the model writes what it is told; else the factory does. */
  async #handOver(reason: string, asks: boolean): Promise<Outcome<R> | null> {
    let note: string | null = null;
    if (asks) {
      this.#activity(`hands over: ${reason}`.slice(0, 200));
      const asked = await this.#ask({ more: askForHandover(reason) });
      if (asked.kind === 'answered') {
        const { blocks } = assistantBlocks(asked.answer);
        note = handoverIn(blocks);
        await this.#record(asked, blocks, [], 'hands over', true);
      } else {
        await this.#unanswered(asked);
        if (asked.kind !== 'failed') return this.#short(asked);
        if (asked.failure.kind === 'cancelled') return aborted(this.#signal);
      }
    }
    const turns = new Set(this.#conversation.turns.map(({ turn }) => turn));
    const own = this.#records.filter(
      (one) => turns.has(one.turn) && one.stopReason !== 'refusal' && one.handover !== true,
    );
    await this.#begin(reason, note ?? withReason(computedHandover(own, this.#note), reason));
    return null;
  }

  /** A new conversation, which knows the note; what the old one's commands printed can be read again. */
  async #begin(reason: string, note: string): Promise<void> {
    await this.#save(putAside(this.#conversation, this.#records.length).files);
    this.#note = note;
    await this.#changed('handed_over', reason, { note });
    this.#conversation = { opening: openingAfter(this.#brief, note), turns: [] };
    this.#most = Number.POSITIVE_INFINITY;
    this.#told = false;
    this.#history.nudges = 0;
  }

  /**
   * A refused conversation has to be left: what follows in it is refused too, and another model may answer.
   * Source: https://platform.claude.com/docs/en/build-with-claude/refusals-and-fallback
   */
  async #afterRefusal(refused: TurnRecord): Promise<Outcome<R> | null> {
    const refusals = this.#records.filter(({ stopReason }) => stopReason === 'refusal').length;
    const { models } = this.#options;
    if (refusals >= Math.max(2, models.length))
      return {
        kind: 'stopped',
        code: 'refused',
        detail: `the model ${refused.model} ${refused.action}; ${refusals} conversations were refused, asked of ${[...new Set(models)].join(', ')}. Reword the ticket, or name another model (MILLWRIGHT_MODEL_${this.#options.spec.role.toUpperCase()})`,
      };
    await this.#handOver(`the model ${refused.model} ${refused.action}`, false);
    await this.#nextModel(`${refused.model} ${refused.action}`);
    return null;
  }

  /** True where there is one; said on the trail. */
  async #nextModel(reason: string): Promise<boolean> {
    const { models } = this.#options;
    const next = models[models.indexOf(this.#progress.model) + 1];
    if (next === undefined) return false;
    this.#progress.model = next;
    this.#most = Number.POSITIVE_INFINITY;
    this.#answerTokens = null;
    // A model reads its own thinking only; what it does not see goes for good, so that the order of what stays is one.
    this.#conversation = withoutThinking(this.#unsigned());
    await this.#changed('model_changed', reason);
    return true;
  }

  /** The conversation with the text of its summary instead of the block that the API signed. */
  #unsigned(): Conversation {
    const { summary, ...rest } = this.#conversation;
    if (summary === undefined) return rest;
    return { ...rest, opening: openingAfter(this.#brief, this.#note) };
  }

  async #ask({ more, sumUp = false }: { more?: string; sumUp?: boolean } = {}): Promise<Asked> {
    const { options, turn } = { options: this.#options, turn: this.#turn };
    const { model } = this.#progress;
    const facts = this.#facts;
    const effort = effortFor(facts, options.effort);
    this.#round = { turn, requests: this.#round.turn === turn ? this.#round.requests + 1 : 1 };
    const call = this.#round.requests === 1 ? `${turn}` : `${turn}r${this.#round.requests}`;
    await options.turns.asked(turn, model);
    const request: ModelRequest = {
      model,
      max_tokens: this.#wantedTokens,
      ...this.#stable,
      messages: messagesOf(this.#conversation, more),
      // Without `display` the models think in silence, and so does whoever watches.
      // Source: https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5 ("text between tool calls")
      ...(facts.thinking === 'none' ? {} : { thinking: { type: 'adaptive', display: 'summarized' } }),
      ...(effort === null ? {} : { output_config: { effort } }),
      ...(sumUp ? { compaction: { type: 'summarize', instructions: SUMMARIZE } } : {}),
      ...(sumUp || this.#conversation.summary !== undefined ? { betas: [COMPACTION_BETA] } : {}),
    };
    const asked = await ask(request, call, {
      client: options.client,
      clock: options.clock,
      breaker: options.breaker,
      purse: {
        budget: options.budget,
        scopes: options.scopes,
        key: `${options.spec.attempt}/${options.fence}`,
      },
      chance: options.chance ?? Math.random,
      signal: this.#signal,
      left: () => options.spec.limits.usd - this.#progress.usage.usd,
      onActivity: this.#activity,
      onThinking: lastThought(options.clock, this.#activity),
      catalog: this.#catalog,
      ...(this.#settings.retry === undefined ? {} : { retry: this.#settings.retry }),
    });
    if (asked.kind === 'answered' && !sumUp) {
      const { inputTokens, cacheReadTokens, cacheWriteTokens } = asked.answer.tokens;
      this.#gauge = { tokens: inputTokens + cacheReadTokens + cacheWriteTokens, bytes: this.#bytes() };
    }
    return asked;
  }

  /** What was asked for has its outcome on the trail, and its cost is counted, also where there is no answer. */
  async #unanswered(asked: Unanswered): Promise<void> {
    this.#progress.usage = addUsage(this.#progress.usage, { ...noUsage(), usd: asked.usd });
    await this.#options.turns.lost(this.#turn, asked.kind === 'failed' ? asked.failure.detail : asked.detail);
  }

  /** Money is short: the stage's own ends it, a budget's only makes it wait. */
  #short(asked: Exclude<Unanswered, { kind: 'failed' }>): Outcome<R> {
    const { detail } = asked;
    if (asked.kind === 'capped') {
      const { scope, needUsd, leftUsd } = asked;
      return { kind: 'paused', scope, needUsd, leftUsd, detail };
    }
    const over = this.#limit('money', `$${this.#options.spec.limits.usd}`, 'usd');
    return { ...over, detail: `${over.detail}: ${detail}` };
  }

  /** What comes of a request that got no answer: null where another can be sent. */
  async #wayOn(asked: Unanswered): Promise<Outcome<R> | null> {
    await this.#unanswered(asked);
    if (asked.kind !== 'failed') return this.#short(asked);
    const { failure } = asked;
    switch (failure.kind) {
      case 'cancelled':
        return aborted(this.#signal);
      case 'binding':
        if (!thinks(this.#conversation) && this.#conversation.summary === undefined) break;
        this.#conversation = withoutThinking(this.#unsigned());
        await this.#changed('thinking_dropped', failure.detail);
        return null;
      case 'too_long':
        return this.#tooLong(failure.detail);
      case 'model':
        if (await this.#nextModel(failure.detail)) return null;
        break;
      default:
        break;
    }
    const { retryable, retryAfterMs, tries } = asked;
    const detail = tries > 1 ? `${failure.detail} (asked ${tries} times)` : failure.detail;
    const after = retryAfterMs === null ? {} : { retryAfterMs };
    return { kind: 'unavailable', code: failure.kind, detail, retryable, ...after };
  }

  async #tooLong(detail: string): Promise<Outcome<R> | null> {
    const before = this.#bytes();
    this.#most = Math.floor(estimate(before, this.#gauge) * 0.8);
    const upTo = this.#conversation.turns.at(-2)?.turn ?? 0;
    const aside = putAside(this.#conversation, upTo);
    if (aside.files.length > 0) {
      await this.#putAside(upTo, detail);
      return null;
    }
    if (this.#conversation.turns.length > 0) return this.#handOver(detail, false);
    if (await this.#nextModel(detail)) return null;
    return {
      kind: 'stopped',
      code: 'context',
      detail: `the first message alone is too long for ${this.#progress.model}: ${detail}. Shorten the ticket, or name a model that takes more`,
    };
  }

  async #record(
    { answer, usd, overUsd }: Answered,
    said: readonly Block[],
    results: readonly Block[],
    action: string,
    handover = false,
  ): Promise<void> {
    const { opening, turns, summary } = this.#conversation;
    const record = masked({
      turn: this.#turn,
      model: this.#progress.model,
      assistant: [...said],
      results: [...results],
      stopReason: answer.stopReason,
      usage: { ...answer.tokens, usd },
      action: action || 'no call',
      ...(handover ? { handover } : {}),
      ...(turns.length === 0 && summary === undefined ? { opening } : {}),
      ...(overUsd > 0 ? { overUsd } : {}),
    });
    await this.#options.turns.record(record);
    this.#records.push(record);
    this.#progress.turns = this.#records.length;
    this.#progress.usage = addUsage(this.#progress.usage, record.usage);
  }

  /** Runs an answer's calls and records the turn. Not null: the attempt ends here. */
  async #take(asked: Answered): Promise<Outcome<R> | null> {
    const { answer, usd } = asked;
    const { spec, workspace } = this.#options;
    const { submit, writes } = this.#definition;
    const { root, bashTimeoutMs, maxBashTimeoutMs } = this.#settings;
    const turn = this.#turn;
    const { blocks, mended } = assistantBlocks(answer);
    if (answer.stopReason === 'refusal') {
      const results: Block[] = [{ type: 'text', text: 'Refused.' }];
      const why = answer.refusal ?? sayingOf(answer);
      await this.#record(asked, blocks, results, `refused (${why})`.slice(0, 200));
      this.#conversation = this.#with({ turn, said: blocks, results: resultBlocks(blocks, results) });
      return null;
    }
    const ran = await runTurn(answer, {
      turn,
      definition: this.#definition,
      spec,
      grant: { role: spec.role, submit: submit.name, writes, root },
      workspace,
      bashTimeoutMs,
      maxBashTimeoutMs,
      beside: this.#beside,
      pictures: this.#facts.pictures,
      signal: this.#signal,
      onActivity: this.#activity,
      seen: this.#history.seen,
      ...(this.#options.fingerprint === undefined ? {} : { fingerprint: this.#options.fingerprint }),
    });
    if (ran.gone !== null) {
      await this.#options.turns.lost(turn, ran.gone);
      return { kind: 'unavailable', code: 'sandbox_gone', detail: ran.gone, retryable: true };
    }
    // A command that our own signal cut short is not what the model did: the turn is asked for again on resuming.
    if (this.#signal.aborted && ran.submission === null) {
      const end = aborted(this.#signal);
      await this.#options.turns.lost(turn, end.detail);
      return end;
    }

    const called = answer.blocks.some((block) => block.kind === 'tool');
    const nudge: Block[] = called ? [] : [{ type: 'text', text: nudgeOf(answer, submit.name) }];
    const news = await this.#news();
    const told = [...news, ...(await this.#steers())];
    const results = maskedResults<Block>([...ran.results, ...nudge, ...told, ...this.#warnings(usd)]);
    await this.#record(asked, blocks, results, ran.actions.join('; '));
    this.#conversation = this.#with({ turn, said: blocks, results: resultBlocks(blocks, results) });
    if (ran.submission !== null)
      return { kind: 'submitted', submission: ran.submission, noticed: ran.noticed };
    this.#history.seen.push(...ran.observations);
    this.#history.strikes += ran.strikes.length;
    this.#history.nudges = called ? 0 : this.#history.nudges + 1;
    if (mended && thinks(this.#conversation)) {
      this.#conversation = withoutThinking(this.#conversation);
      await this.#changed('thinking_dropped', 'what the model said could not go back as it came');
    }
    if (answer.stopReason === 'model_context_window_exceeded')
      this.#most = Math.floor(estimate(this.#bytes(), this.#gauge) * 0.8);
    if (answer.stopReason === 'max_tokens' && (mended || !called))
      this.#answerTokens = this.#wantedTokens * 2;
    return null;
  }

  #with(spoken: Conversation['turns'][number]): Conversation {
    return { ...this.#conversation, turns: [...this.#conversation.turns, spoken] };
  }

  /** What came to be known since the conversation began, where nothing of it says so yet: one that is read back may. */
  async #news(): Promise<Block[]> {
    if (this.#told) return [];
    const said = (await this.#options.news?.()) ?? null;
    if (said === null) return [];
    this.#told = true;
    const words = JSON.stringify(said).slice(1, -1);
    if (JSON.stringify(messagesOf(this.#conversation)).includes(words)) return [];
    return [{ type: 'text', text: `[known by now: ${said}]` }];
  }

  /** What a person added to its goal, and this conversation has not heard. */
  async #steers(): Promise<Block[]> {
    const said = (await this.#options.steers?.()) ?? [];
    if (said.length === 0) return [];
    const heard = JSON.stringify(messagesOf(this.#conversation));
    return maskedResults<Block>(
      said.map((text) => ({ type: 'text', text: `[a person adds to your task, from now on: ${text}]` })),
    ).filter((block) => block.type === 'text' && !heard.includes(JSON.stringify(block.text).slice(1, -1)));
  }

  /** Said to the model before a limit of the stage ends its work, so that it can hand in what is whole. */
  #warnings(usd: number): Block[] {
    const { spec, clock } = this.#options;
    const { limits } = spec;
    const turns = limits.turns - this.#turn;
    const money = limits.usd - this.#progress.usage.usd - usd;
    const ms = this.#ends - clock.now();
    const left: string[] = [];
    if (turns === 3 || (turns === 10 && limits.turns >= 40)) left.push(`${turns} turns`);
    if (!this.#warned && money < limits.usd * 0.15) left.push(`$${money.toFixed(2)}`);
    if (!this.#warned && ms < limits.wallMs * 0.1) left.push(`${Math.max(1, Math.round(ms / 60_000))} min`);
    if (left.length === 0) return [];
    this.#warned ||= !left.every((one) => one.endsWith('turns'));
    const { submit, unfinished } = this.#definition;
    const orElse = unfinished === undefined ? 'say what is open' : 'where it cannot be whole, as unfinished';
    const text = `[${left.join(', ')} left for this stage. Bring the work to a whole state and call ${submit.name}; ${orElse}.]`;
    return [{ type: 'text', text }];
  }
}

/** Where a limit of the stage is raised. */
const settingOf = ({ config }: AttemptSpec, of: 'turns' | 'conversations' | 'usd' | 'time'): string =>
  config.stage?.[of] === undefined
    ? `MILLWRIGHT_STAGE_${of === 'time' ? 'MINUTES' : of.toUpperCase()}`
    : `stage.${of} in millwright.yaml`;

function nudgeOf(answer: Answer, submit: string): string {
  return answer.stopReason === 'max_tokens' || answer.stopReason === 'model_context_window_exceeded'
    ? `Your answer was cut off at its limit. Go on in smaller steps; end by calling ${submit}.`
    : `You ended your turn without a call. Go on with the work; when it is done, call ${submit}.`;
}

function sayingOf(answer: Answer): string {
  const text = answer.blocks.flatMap((block) =>
    block.kind === 'plain' && block.block.type === 'text' ? [String(block.block.text)] : [],
  );
  return text.join(' ').trim().slice(0, 150) || 'without a reason';
}

function lastError(turns: readonly TurnRecord[]): string {
  for (const turn of turns.toReversed())
    for (const result of turn.results as { is_error?: boolean; content?: unknown }[])
      if (result.is_error === true) return String(result.content).slice(0, 500);
  return 'unknown';
}
