import type Anthropic from '@anthropic-ai/sdk';
import type { Tokens } from './prices.ts';

// The events of a streamed message, put together. Ours rather than the SDK's: arguments must be bounded while they arrive, and
// arguments that are not JSON must come back as a value, not as an exception or a guess.

/** Arguments of one tool call over this are refused and not kept. */
export const MAX_ARGUMENTS = 1024 * 1024;

/** All that is kept of one answer. An honest one is bounded by max_tokens; this bounds a server that is not. */
const MAX_ANSWER = 8 * 1024 * 1024;

export type ToolCall = {
  kind: 'tool';
  id: string;
  name: string;
  input:
    | { kind: 'json'; value: unknown }
    | { kind: 'malformed'; text: string }
    | { kind: 'huge'; bytes: number };
};
/** Anything else (text, thinking, …) as the API has it, to be sent back as it came. */
export type PlainBlock = { kind: 'plain'; block: Record<string, unknown> & { type: string } };
export type Answer = {
  blocks: (ToolCall | PlainBlock)[];
  stopReason: string | null;
  /** Why the model refused, where it did and says so: a category, an explanation, or both. */
  refusal?: string;
  tokens: Tokens;
};

type Open =
  | { kind: 'tool'; id: string; name: string; parts: string[]; bytes: number; start: unknown }
  | { kind: 'plain'; block: Record<string, unknown> & { type: string } };

export class Assembler {
  readonly #open = new Map<number, Open>();
  readonly #done = new Map<number, ToolCall | PlainBlock>();
  #stopReason: string | null = null;
  #refusal: string | null = null;
  readonly #onThinking: (text: string) => void;
  #tokens: Tokens = NO_TOKENS;
  #compacting: Tokens = NO_TOKENS;
  #ended = false;
  #kept = 0;

  /** `onThinking` gets each piece of thinking as it comes, where the model shows it. */
  constructor(onThinking: (text: string) => void = () => undefined) {
    this.#onThinking = onThinking;
  }

  /** Throws when the answer is over its bound. */
  take(event: Anthropic.RawMessageStreamEvent): void {
    switch (event.type) {
      case 'message_start':
        this.#usage(event.message.usage);
        break;
      case 'content_block_start':
        this.#start(event.index, event.content_block);
        break;
      case 'content_block_delta':
        this.#delta(event.index, event.delta);
        break;
      case 'content_block_stop':
        this.#stop(event.index);
        break;
      case 'message_delta':
        this.#stopReason = event.delta.stop_reason;
        this.#refusal = refusalOf(event.delta.stop_details ?? null);
        this.#usage(event.usage);
        break;
      case 'message_stop':
        this.#ended = true;
        break;
    }
  }

  /** The whole answer, or null when the stream ended before the message did: a part of an answer is never used. */
  answer(): Answer | null {
    if (!this.#ended || this.#open.size > 0) return null;
    const blocks = [...this.#done.entries()].sort(([a], [b]) => a - b).map(([, block]) => block);
    const refusal = this.#refusal === null ? {} : { refusal: this.#refusal };
    return {
      blocks,
      stopReason: this.#stopReason,
      tokens: added(this.#tokens, this.#compacting),
      ...refusal,
    };
  }

  #start(index: number, block: Anthropic.RawContentBlockStartEvent['content_block']): void {
    if (block.type === 'tool_use')
      this.#open.set(index, {
        kind: 'tool',
        id: block.id,
        name: block.name,
        parts: [],
        bytes: 0,
        start: block.input,
      });
    else this.#open.set(index, { kind: 'plain', block: { ...block } });
  }

  #delta(index: number, delta: Anthropic.RawContentBlockDelta): void {
    const open = this.#open.get(index);
    if (open === undefined) return;
    if (open.kind === 'tool') {
      if (delta.type !== 'input_json_delta') return;
      open.bytes += Buffer.byteLength(delta.partial_json);
      if (open.bytes > MAX_ARGUMENTS) open.parts.length = 0;
      else this.#keep(delta.partial_json, (text) => open.parts.push(text));
      return;
    }
    const add = (key: string, more: string) =>
      this.#keep(more, (text) => {
        open.block[key] = `${typeof open.block[key] === 'string' ? open.block[key] : ''}${text}`;
      });
    if (delta.type === 'text_delta') add('text', delta.text);
    else if (delta.type === 'thinking_delta') {
      add('thinking', delta.thinking);
      this.#onThinking(delta.thinking);
    } else if (delta.type === 'signature_delta') open.block.signature = delta.signature;
  }

  #keep(text: string, put: (text: string) => void): void {
    this.#kept += text.length;
    if (this.#kept > MAX_ANSWER) throw new Error(`the answer has more than ${MAX_ANSWER} bytes`);
    put(text);
  }

  #stop(index: number): void {
    const open = this.#open.get(index);
    if (open === undefined) return;
    this.#open.delete(index);
    this.#done.set(
      index,
      open.kind === 'plain' ? open : { kind: 'tool', id: open.id, name: open.name, input: inputOf(open) },
    );
  }

  #usage(usage: Counted & { iterations?: readonly (Counted & { type: string })[] | null }): void {
    // What summing a conversation up took is not in the figures beside it. Source: …/compaction-on-demand ("Count compaction usage")
    if (usage.iterations != null)
      this.#compacting = usage.iterations
        .filter(({ type }) => type === 'compaction')
        .map((one) => tokensOf(one, NO_TOKENS))
        .reduce(added, NO_TOKENS);
    this.#tokens = tokensOf(usage, this.#tokens);
  }
}

const NO_TOKENS: Tokens = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 };

/** As the API counts. */
type Counted = {
  input_tokens?: number | null;
  output_tokens?: number | null;
  cache_read_input_tokens?: number | null;
  cache_creation_input_tokens?: number | null;
};

/** What is not told again stays as it was. */
const tokensOf = (usage: Counted, before: Tokens): Tokens => ({
  inputTokens: usage.input_tokens ?? before.inputTokens,
  outputTokens: usage.output_tokens ?? before.outputTokens,
  cacheReadTokens: usage.cache_read_input_tokens ?? before.cacheReadTokens,
  cacheWriteTokens: usage.cache_creation_input_tokens ?? before.cacheWriteTokens,
});

const added = (a: Tokens, b: Tokens): Tokens => ({
  inputTokens: a.inputTokens + b.inputTokens,
  outputTokens: a.outputTokens + b.outputTokens,
  cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
  cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
});

function refusalOf(details: Anthropic.RefusalStopDetails | null): string | null {
  const said = [details?.category, details?.explanation].filter((one) => typeof one === 'string');
  return said.length === 0 ? null : said.join(': ').slice(0, 500);
}

function inputOf(open: Extract<Open, { kind: 'tool' }>): ToolCall['input'] {
  if (open.bytes > MAX_ARGUMENTS) return { kind: 'huge', bytes: open.bytes };
  const text = open.parts.join('');
  if (text === '') return { kind: 'json', value: open.start };
  try {
    return { kind: 'json', value: JSON.parse(text) };
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: 'malformed', text };
    throw error;
  }
}
