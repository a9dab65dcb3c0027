import type { ToolCall, Turn } from './script.ts';
import { type Block, ROLE_OF_SUBMIT, type WireRequest } from './wire.ts';

// A scripted turn as a message of the API. Pure and without state: the same request gets the same answer, ids included, so that a
// request sent again after a crash replays right.

export type AnswerUsage = {
  input_tokens: number;
  output_tokens: number;
  cache_read_input_tokens: number;
  cache_creation_input_tokens: number;
};
/** `json` is a tool call's arguments as they go over the wire, which need not be JSON. */
export type AnswerBlock =
  | { kind: 'text'; text: string }
  | { kind: 'tool'; id: string; name: string; input: Record<string, unknown>; json: string };
export type Answer = {
  id: string;
  model: string;
  blocks: AnswerBlock[];
  stop: string;
  usage: AnswerUsage;
};

/** Tokens by the rule of thumb of four bytes each; used for usage and for benchmarks, never for money. */
export const approxTokens = (bytes: number): number => Math.ceil(bytes / 4);

export function answerOf(turn: Turn, turnIndex: number, request: WireRequest, seed: string): Answer {
  const submit = request.tools.find((tool) => Object.hasOwn(ROLE_OF_SUBMIT, tool.name))?.name ?? 'submit';
  const blocks: AnswerBlock[] = [];
  if (turn.say !== undefined && turn.say.trim() !== '')
    blocks.push({ kind: 'text', text: filled(turn.say, turnIndex) as string });
  const last = turn.tools.length - 1;
  for (const [index, call] of turn.tools.entries()) {
    const { name, input, json } = named(call, submit);
    const full = filled(input, turnIndex) as Record<string, unknown>;
    blocks.push({
      kind: 'tool',
      id: `toolu_${seed}_${turnIndex}_${index}`,
      name,
      input: full,
      json: json ?? (index === last ? spoiled(full, turn) : JSON.stringify(full)),
    });
  }
  if (blocks.length === 0) blocks.push({ kind: 'text', text: '…' });
  const stop = turn.stop ?? (turn.tools.length > 0 ? 'tool_use' : 'end_turn');
  return {
    id: `msg_${seed}_${turnIndex}`,
    model: request.model,
    blocks,
    stop,
    usage: usageOf(turn, request, blocks),
  };
}

function named(
  call: ToolCall,
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

/** Acts as if the cache held everything up to the last answer, when the request asks for caching. */
function usageOf(turn: Turn, request: WireRequest, blocks: readonly AnswerBlock[]): AnswerUsage {
  const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
  const all = approxTokens(bytes([request.system, request.tools, request.messages]));
  const caches = [...request.system, ...request.messages.flatMap((m) => m.content)].some(isBreakpoint);
  const before = request.messages.findLastIndex((message) => message.role === 'assistant');
  const cached =
    caches && before > 0
      ? approxTokens(bytes([request.system, request.tools, request.messages.slice(0, before)]))
      : 0;
  const fresh = all - cached;
  const output = blocks.reduce(
    (sum, block) => sum + (block.kind === 'text' ? block.text : block.json).length,
    0,
  );
  const scripted = turn.usage?.input;
  return {
    input_tokens: scripted ?? (caches ? 0 : fresh),
    output_tokens: turn.usage?.output ?? approxTokens(output),
    cache_read_input_tokens: scripted === undefined ? cached : 0,
    cache_creation_input_tokens: scripted === undefined && caches ? fresh : 0,
  };
}

const isBreakpoint = (block: Block): boolean => block.cache_control != null;
