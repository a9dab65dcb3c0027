import { compactionBlock, type PromptCache, signer } from './rules.ts';
import type { ToolCall, Turn } from './script.ts';
import { type Block, inputOf, ROLE_OF_SUBMIT, type WireRequest } from './wire.ts';

// A scripted turn as a message of the API. Pure and without state: the same request gets the same answer, ids included, so that a
// request sent again after a crash replays right.

export type AnswerUsage = {
  input_tokens: number;
  output_tokens: number;
  cache_read_input_tokens: number;
  cache_creation_input_tokens: number;
  /** What summing up took: it is not in the figures above. */
  iterations?: ({ type: 'compaction' } & Omit<AnswerUsage, 'iterations'>)[];
};
/** `json` is a tool call's arguments as they go over the wire, which need not be JSON. */
export type AnswerBlock =
  | { kind: 'text'; text: string }
  | { kind: 'thinking'; text: string; signature: string }
  | { kind: 'compaction'; block: ReturnType<typeof compactionBlock> }
  | { kind: 'tool'; id: string; name: string; input: Record<string, unknown>; json: string };
export type Answer = {
  id: string;
  model: string;
  blocks: AnswerBlock[];
  stop: string;
  stopDetails: { type: 'refusal'; category: string; explanation: string } | null;
  usage: AnswerUsage;
};

/** Tokens by the rule of thumb of four bytes each; used for usage and for benchmarks, never for money. */
export const approxTokens = (bytes: number): number => Math.ceil(bytes / 4);

export function answerOf(
  turn: Turn,
  turnIndex: number,
  request: WireRequest,
  seed: string,
  cache: PromptCache,
): Answer {
  const submit = request.tools.find((tool) => Object.hasOwn(ROLE_OF_SUBMIT, tool.name))?.name ?? 'submit';
  const blocks: AnswerBlock[] = [];
  const signing = signer(request);
  const push = (block: AnswerBlock) => {
    blocks.push(block);
    signing.add(wireBlock(block));
  };
  const think = (text: string) => {
    const shown = request.showsThinking ? (filled(text, turnIndex) as string) : '';
    push({ kind: 'thinking', text: shown, signature: signing.sign() });
  };
  if (turn.think !== undefined) think(turn.think);
  if (turn.say !== undefined && turn.say.trim() !== '')
    push({ kind: 'text', text: filled(turn.say, turnIndex) as string });
  const last = turn.tools.length - 1;
  for (const [index, call] of turn.tools.entries()) {
    if ('think' in call) {
      think(call.think);
      continue;
    }
    const { name, input, json } = named(call, submit);
    const full = filled(input, turnIndex) as Record<string, unknown>;
    push({
      kind: 'tool',
      id: `toolu_${seed}_${turnIndex}_${index}`,
      name,
      input: full,
      json: json ?? (index === last ? spoiled(full, turn) : JSON.stringify(full)),
    });
  }
  if (blocks.length === 0) push({ kind: 'text', text: '…' });
  const calls = blocks.some((block) => block.kind === 'tool');
  const stop = turn.stop ?? (calls ? 'tool_use' : 'end_turn');
  return {
    id: `msg_${seed}_${turnIndex}`,
    model: request.model,
    blocks,
    stop,
    stopDetails:
      stop === 'refusal' && turn.refusal !== undefined ? { type: 'refusal', ...turn.refusal } : null,
    usage: usageOf(turn, request, blocks, cache),
  };
}

/** The answer to a request for a summary; without one where `text` is null. Source: as rules.ts has it for compaction. */
export function summaryOf(
  text: string | null,
  request: WireRequest,
  seed: string,
  cache: PromptCache,
): Answer {
  const blocks: AnswerBlock[] = text === null ? [] : [{ kind: 'compaction', block: compactionBlock(text) }];
  const turn: Turn = { expect: [], tools: [] };
  const usage = usageOf(turn, request, blocks, cache);
  return {
    id: `msg_${seed}_summary`,
    model: request.model,
    blocks,
    stop: text === null ? 'refusal' : 'compaction',
    stopDetails: null,
    usage: {
      ...{ input_tokens: 0, output_tokens: 0, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 },
      iterations: [{ type: 'compaction', ...usage }],
    },
  };
}

/** A block as it is sent back. Arguments that are no JSON cannot be: then the prefix of what comes after is another, as it should be. */
export function wireBlock(block: AnswerBlock): Block {
  switch (block.kind) {
    case 'text':
      return { type: 'text', text: block.text };
    case 'thinking':
      return { type: 'thinking', thinking: block.text, signature: block.signature };
    case 'compaction':
      return block.block;
    case 'tool': {
      const { id, name } = block;
      return { type: 'tool_use', id, name, input: inputOf(block.json) };
    }
  }
}

function named(
  call: Exclude<ToolCall, { think: string }>,
  submit: string,
): { name: string; input: Record<string, unknown>; json?: string } {
  if ('bash' in call) return { name: 'bash', input: { command: call.bash } };
  if ('edit' in call) return { name: 'str_replace_based_edit_tool', input: call.edit };
  if ('submit' in call) return { name: submit, input: call.submit };
  return { input: {}, ...call.call };
}

function spoiled(input: Record<string, unknown>, turn: Turn): string {
  const json = JSON.stringify(input);
  const fault = turn.fault;
  if (fault !== undefined && 'malformed' in fault) return `${json.slice(0, Math.max(1, json.length - 2))}`;
  if (fault !== undefined && 'huge' in fault)
    return JSON.stringify({ ...input, padding: 'x'.repeat(fault.huge) });
  return json;
}

function filled(value: unknown, turnIndex: number): unknown {
  if (typeof value === 'string') return value.replaceAll('{{turn}}', String(turnIndex));
  if (Array.isArray(value)) return value.map((item) => filled(item, turnIndex));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, turnIndex)]));
  return value;
}

function usageOf(
  turn: Turn,
  request: WireRequest,
  blocks: readonly AnswerBlock[],
  cache: PromptCache,
): AnswerUsage {
  const all = approxTokens(
    Buffer.byteLength(JSON.stringify([request.system, request.tools, request.messages])),
  );
  const { read, written } = cache.use(request);
  const [cached, fresh] = [approxTokens(read), approxTokens(written)];
  const said = (block: AnswerBlock): string => {
    if (block.kind === 'compaction') return block.block.content;
    return block.kind === 'tool' ? block.json : block.text;
  };
  const output = blocks.reduce((sum, block) => sum + said(block).length, 0);
  const scripted = turn.usage?.input;
  return {
    input_tokens: scripted ?? Math.max(0, all - cached - fresh),
    output_tokens: turn.usage?.output ?? approxTokens(output),
    cache_read_input_tokens: scripted === undefined ? cached : 0,
    cache_creation_input_tokens: scripted === undefined ? fresh : 0,
  };
}
