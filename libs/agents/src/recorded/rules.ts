import { createHash } from 'node:crypto';
import type { ApiFault } from './errors.ts';
import { apiFault } from './errors.ts';
import { type Block, isRecord, type WireMessage, type WireRequest } from './wire.ts';

// The rules of the models in use that a request can break, as the provider documents them, each with its source under
// https://platform.claude.com/docs/en. They are written down here a second time, apart from the agents' own catalog, so that the one shows
// faults of the other. Models named `recorded/…` are as strict as the strictest.

/** Source: build-with-claude/compaction-on-demand ("supportedModels"). */
const COMPACTS =
  /^claude-((fable|mythos)-5(-1)?|mythos-preview|(opus|sonnet|haiku)-5-5|opus-5|opus-4-[678]|sonnet-5|sonnet-4-6)$/;

export type ModelRules = {
  /** Whether it runs the prefix check on thinking. Source: build-with-claude/preserved-thinking/prefix-checks ("supported models"). */
  preserves: boolean;
  /** Whether thinking can be turned off, and how it is asked for. Source: models/opus-5-5/whats-new-opus-5-5; build-with-claude/thinking. */
  thinking: 'always' | 'adaptive' | 'between_tools' | 'manual';
  /** Source: build-with-claude/effort. */
  efforts: readonly string[];
  /** Tokens. Source: models/<name>/overview. */
  context: number;
  maxOutput: number;
};

const ALL = ['low', 'medium', 'high', 'xhigh', 'max'];
const million = { context: 1_000_000, maxOutput: 128_000 };

const RULES: readonly [RegExp, ModelRules][] = [
  [
    /^(recorded\/|claude-(fable|mythos)-5-[12]$|claude-opus-5-5$)/,
    { preserves: true, thinking: 'always', efforts: ALL, ...million },
  ],
  [/^claude-sonnet-5-5$/, { preserves: true, thinking: 'between_tools', efforts: ALL, ...million }],
  [/^claude-haiku-5-5$/, { preserves: true, thinking: 'adaptive', efforts: ALL, ...million }],
  [/^claude-(fable|mythos)-5$/, { preserves: false, thinking: 'always', efforts: ALL, ...million }],
  [
    /^claude-(opus-5|sonnet-5|opus-4-[78])$/,
    { preserves: false, thinking: 'adaptive', efforts: ALL, ...million },
  ],
  [
    /^claude-(opus|sonnet)-4-6$/,
    { preserves: false, thinking: 'adaptive', efforts: ['low', 'medium', 'high', 'max'], ...million },
  ],
  [
    /^claude-opus-4-5/,
    {
      preserves: false,
      thinking: 'manual',
      efforts: ['low', 'medium', 'high'],
      context: 200_000,
      maxOutput: 64_000,
    },
  ],
];
const OLDER: ModelRules = {
  preserves: false,
  thinking: 'manual',
  efforts: [],
  context: 200_000,
  maxOutput: 64_000,
};

export const rulesOf = (model: string): ModelRules =>
  RULES.find(([pattern]) => pattern.test(model))?.[1] ?? OLDER;

const bad = (message: string): ApiFault => apiFault('invalid_request_error', message);

/** What a request's settings break, before its messages are looked at. */
export function checkSettings(body: Readonly<Record<string, unknown>>, rules: ModelRules): ApiFault | null {
  const { max_tokens: maxTokens, thinking, output_config: output } = body;
  // Source: api/messages/create, `max_tokens`: "Different models have different maximum values".
  if (Number(maxTokens) > rules.maxOutput)
    return bad(
      `max_tokens: ${String(maxTokens)} > ${rules.maxOutput}, which is the maximum allowed number of output tokens for ${String(body.model)}`,
    );
  if (isRecord(output) && output.effort != null) {
    if (rules.efforts.length === 0) return bad('This model does not support the effort parameter.');
    if (!rules.efforts.includes(String(output.effort)))
      return bad(
        `output_config.effort: Input should be ${rules.efforts.map((one) => `'${one}'`).join(', ')}`,
      );
  }
  return isRecord(thinking) ? checkThinking(thinking, rules, Number(maxTokens)) : null;
}

/** Sources: models/opus-5-5/migration-guide ("request requirements"), build-with-claude/extended-thinking (manual budgets). */
function checkThinking(
  thinking: Readonly<Record<string, unknown>>,
  rules: ModelRules,
  maxTokens: number,
): ApiFault | null {
  const { type, budget_tokens: budget, display } = thinking;
  switch (type) {
    case 'disabled':
      return rules.thinking === 'always' || rules.thinking === 'between_tools'
        ? bad(
            'thinking.type: "disabled" is not supported for this model; omit `thinking`, and lower output_config.effort',
          )
        : null;
    case 'between_tools':
      return rules.thinking === 'between_tools'
        ? null
        : bad('thinking.type: "between_tools" is not supported for this model');
    case 'enabled':
      if (rules.thinking !== 'manual')
        return bad(
          '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort"',
        );
      return typeof budget === 'number' && budget >= 1_024 && budget < maxTokens
        ? null
        : bad('thinking.enabled.budget_tokens: must be at least 1024 and less than max_tokens');
    case 'adaptive':
      if (rules.thinking === 'manual') return bad('adaptive thinking is not supported on this model');
      return display === undefined || display === null || display === 'summarized' || display === 'omitted'
        ? null
        : bad("thinking.adaptive.display: Input should be 'summarized' or 'omitted'");
    default:
      return bad(
        "thinking: Input tag does not match any of the expected tags: 'adaptive', 'between_tools', 'disabled', 'enabled'",
      );
  }
}

/**
 * Source: build-with-claude/context-windows; models of today take a prompt and a `max_tokens` that together are too much, and stop with
 * `model_context_window_exceeded` where they come to it (build-with-claude/handling-stop-reasons). Tokens at four bytes each.
 */
export const checkLength = (tokens: number, context: number): ApiFault | null =>
  tokens > context ? bad(`prompt is too long: ${tokens} tokens > ${context} maximum`) : null;

// --- preserved thinking
//
// A thinking block is bound to the model that thought it and to everything before it: system prompt, tools, messages, and the thinking
// blocks before it. Its signature says so here in the open: `<model>~<prefix>`, and `~` because a model's name may hold anything else.
// Source: build-with-claude/preserved-thinking and its pages prefix-checks ("what counts as a change"; cache_control does not) and
// fix-bound-to-a-different-conversation (the message, and the setting that drops blocks instead).

const SEPARATOR = '~';

const stripped = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(stripped);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) =>
      key === 'cache_control' ? [] : [[key, stripped(inner)]],
    ),
  );
};

/** Folds what stands before a block, piece by piece. */
class Prefix {
  #hash: string;

  constructor(request: Pick<WireRequest, 'system' | 'tools'>) {
    this.#hash = digest('', [stripped(request.system), stripped(request.tools)]);
  }

  add(role: string, block: Block): void {
    this.#hash = digest(this.#hash, [role, stripped(block)]);
  }

  get value(): string {
    return this.#hash;
  }
}

const digest = (before: string, value: unknown): string =>
  createHash('sha256').update(before).update(JSON.stringify(value)).digest('base64url').slice(0, 16);

const isThinking = (block: Block): boolean => block.type === 'thinking' || block.type === 'redacted_thinking';
const signatureOf = (block: Block): string =>
  String(block.type === 'thinking' ? block.signature : block.data);

/** What the signature of the answer's blocks is made from: everything that the request says, then the answer's own blocks in order. */
export function signer(request: WireRequest): { sign(): string; add(block: Block): void } {
  const prefix = new Prefix(request);
  for (const message of request.messages)
    for (const block of message.content) prefix.add(message.role, block);
  return {
    sign: () => `${request.model}${SEPARATOR}${prefix.value}`,
    add: (block) => prefix.add('assistant', block),
  };
}

export type Dropped = { type: 'thinking_dropped'; path: string; reason: string };

/** The first thinking block that does not belong where it stands, as the API refuses it; or, where the request asks for it, those dropped. */
export function checkThinkingBlocks(
  request: WireRequest,
  rules: ModelRules,
): { kind: 'refused'; fault: ApiFault } | { kind: 'taken'; dropped: Dropped[] } {
  const prefix = new Prefix(request);
  const dropped: Dropped[] = [];
  for (const [i, message] of request.messages.entries()) {
    for (const [j, block] of message.content.entries()) {
      const path = `messages.${i}.content.${j}`;
      const reason = isThinking(block) ? mismatch(block, request, prefix.value, rules) : null;
      if (
        reason !== null &&
        (reason === 'prefix' || reason === 'forged') &&
        request.onMismatch !== 'drop_block'
      )
        return {
          kind: 'refused',
          fault: bad(
            `${path}: Invalid \`signature\` in \`thinking\` block. ${reason === 'forged' ? '' : 'The block is bound to a different conversation. '}Remove the block, or set \`thinking.block_binding.prefix_mismatch_behavior\` to "drop_block".`,
          ),
        };
      if (reason !== null)
        dropped.push({ type: 'thinking_dropped', path, reason: `${reason}_binding_mismatch` });
      prefix.add(message.role, block);
    }
  }
  return { kind: 'taken', dropped };
}

/** Haiku 5.5's thinking is read by every model. Source: the "Model" row of the check that Bedrock's copy of the page lists. */
function mismatch(
  block: Block,
  request: WireRequest,
  prefix: string,
  rules: ModelRules,
): 'model' | 'prefix' | 'forged' | null {
  const signature = signatureOf(block);
  const at = signature.lastIndexOf(SEPARATOR);
  if (at === -1) return 'forged';
  const model = signature.slice(0, at);
  if (model !== request.model && model !== 'claude-haiku-5-5') return 'model';
  return rules.preserves && signature.slice(at + 1) !== prefix ? 'prefix' : null;
}

// --- compaction on demand
//
// Source of all of it: build-with-claude/compaction-on-demand, sections "Request a summary", "Continue from the summary", "Errors", "Limits".

const COMPACTION_BETA = 'compact-2026-09-04';
const MAX_INSTRUCTIONS = 16_384;

const signatureFor = (content: string): string => `compaction${SEPARATOR}${digest('', content)}`;

/** The block as it is returned, and has to come back. */
export const compactionBlock = (content: string) =>
  ({ type: 'compaction', content, signature: signatureFor(content) }) as const;

/** What is wrong with a request for a summary, or with the summary that a request carries. */
export function checkCompaction(
  body: Readonly<Record<string, unknown>>,
  messages: readonly WireMessage[],
  betas: readonly string[],
): ApiFault | null {
  const refused = (message: string, code?: string) => apiFault('invalid_request_error', message, code);
  const { compaction } = body;
  const beta = betas.includes(COMPACTION_BETA);
  if (compaction != null) {
    if (!beta) return refused(`compaction: requires anthropic-beta: ${COMPACTION_BETA}`);
    if (!isRecord(compaction) || compaction.type !== 'summarize')
      return refused("compaction.type: Input should be 'summarize'");
    if (String(compaction.instructions ?? '').length > MAX_INSTRUCTIONS)
      return refused(`compaction.instructions: String should have at most ${MAX_INSTRUCTIONS} characters`);
    if (!COMPACTS.test(String(body.model)))
      return refused(`compaction: not supported for ${String(body.model)}`);
    for (const other of ['context_management', 'stop_sequences'])
      if (body[other] != null) return refused(`${other}: cannot be combined with compaction`);
  }
  const blocks = messages.flatMap(({ content }, i) =>
    content.flatMap((block, j) => (block.type === 'compaction' ? [{ block, i, j }] : [])),
  );
  const [first, second] = blocks;
  if (first === undefined) return null;
  const path = `messages.${first.i}.content.${first.j}`;
  if (!beta)
    return refused(
      `${path}: Input tag 'compaction' found using 'type' does not match any of the expected tags`,
    );
  if (second !== undefined)
    return refused('messages: more than one compaction block', 'compaction_block_ambiguous');
  if (first.i + first.j > 0)
    return refused(`${path}: the compaction block must come first`, 'compaction_block_misplaced');
  const { block } = first;
  const extra = Object.keys(block).find(
    (key) =>
      !['type', 'content', 'signature', 'encrypted_content', 'tool_changes', 'cache_control'].includes(key),
  );
  if (extra !== undefined) return refused(`${path}.compaction.${extra}: Extra inputs are not permitted`);
  if (!/^compaction~/.test(String(block.signature)))
    return refused(`${path}: the signature does not verify`, 'compaction_signature_invalid');
  return block.signature === signatureFor(String(block.content))
    ? null
    : refused(`${path}: content differs from its signature`, 'compaction_content_mismatch');
}

// --- prompt caching

const LOOKBACK = 20;
const LIFE_MS = 5 * 60_000;

/**
 * What of a prompt is read from the cache: the longest prefix that ended at a breakpoint of an earlier request, looked for at each breakpoint and
 * up to 20 blocks before it; entries live five minutes from their last use. Source: build-with-claude/prompt-caching.
 */
export class PromptCache {
  readonly #entries = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Bytes of the prompt read from the cache and bytes written to it; the rest is neither. */
  use(request: WireRequest): { read: number; written: number } {
    const blocks = [...request.tools, ...request.system, ...request.messages.flatMap(contentOf)];
    const now = this.#now();
    let hash = request.model;
    let bytes = 0;
    const at = blocks.map((block) => {
      hash = digest(hash, stripped(block));
      bytes += Buffer.byteLength(JSON.stringify(stripped(block)));
      return { hash, bytes, marked: isRecord((block as Block).cache_control) };
    });
    const alive = (key: string) => (this.#entries.get(key) ?? Number.NEGATIVE_INFINITY) > now - LIFE_MS;
    let read = 0;
    for (const [index, one] of at.entries()) {
      if (!one.marked) continue;
      const found = at
        .slice(Math.max(0, index - LOOKBACK), index + 1)
        .findLast(({ hash: key }) => alive(key));
      if (found !== undefined) read = Math.max(read, found.bytes);
    }
    const marked = at.filter((one) => one.marked);
    for (const one of marked) this.#entries.set(one.hash, now);
    return { read, written: Math.max(0, (marked.at(-1)?.bytes ?? 0) - read) };
  }
}

const contentOf = (message: WireMessage): Block[] =>
  message.content.map((block) => ({ role: message.role, ...block }));
