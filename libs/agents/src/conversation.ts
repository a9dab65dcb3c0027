import type Anthropic from '@anthropic-ai/sdk';
import type { TurnRecord } from '@millwright/domain';
import type { Answer } from './model/assemble.ts';
import { bounded } from './tools/bound.ts';

// A conversation as it goes over the wire. Invariants:
//
// 1. While the process lives it only grows: every answer goes back exactly as it came, thinking with its signature included, every result
//    exactly as it was first sent. Models with preserved thinking refuse (400) a thinking block before which anything has changed: system
//    prompt, tools, a message, a thinking block left out between others.
//    Source: https://platform.claude.com/docs/en/build-with-claude/preserved-thinking/prefix-checks
// 2. What cannot go back as it came (arguments that are no JSON, blank text) or is changed later (old outputs put aside) takes all
//    thinking out of the conversation, once. So does a conversation that is read back from its records, which hold neither signatures
//    nor secrets. Source: …/preserved-thinking/fix-bound-to-a-different-conversation ("remove the thinking by hand").
// 3. Whatever the records hold, what is sent is a request that the API takes: every call has its result, no message is empty.

type Block = Anthropic.ContentBlockParam;
type Message = { role: 'user' | 'assistant'; content: Block[] };

type Spoken = { turn: number; said: readonly Block[]; results: readonly Block[] };
/** `summary`: the API's own, of the conversations before; a block that goes back exactly as it came, first of all. */
export type Conversation = { opening: string; turns: readonly Spoken[]; summary?: Summary };

/**
 * A summary that the API wrote and signed. It is not kept: a conversation that is read back from its records has the text of it.
 * Source: https://platform.claude.com/docs/en/build-with-claude/compaction-on-demand ("Continue from the summary")
 */
export type Summary = { block: Block; text: string };

/** Needed by the request for a summary and by every one that carries it. Source: as above ("Request a summary") */
export const COMPACTION_BETA = 'compact-2026-09-04';

/** The summary in an answer to a request for one; null where there is none ("Handle a missing summary or an error"). */
export function summaryIn({ blocks, stopReason }: Answer): Summary | null {
  if (stopReason !== 'compaction') return null;
  const found = blocks.find((one) => one.kind === 'plain' && one.block.type === 'compaction');
  if (found?.kind !== 'plain' || typeof found.block.content !== 'string') return null;
  return { block: found.block as unknown as Block, text: found.block.content };
}

export const INTERRUPTED =
  'interrupted: the factory was restarted and does not know whether this ran. Look at the workspace before you do it again.';

const isThinking = (block: { type: string }): boolean =>
  block.type === 'thinking' || block.type === 'redacted_thinking';

export const thinks = ({ turns }: Conversation): boolean =>
  turns.some(({ said }) => said.some((block) => isThinking(block)));

/** The assistant's blocks as they are sent back. `mended`: not exactly what the model said. */
export function assistantBlocks(answer: Answer): { blocks: Block[]; mended: boolean } {
  let mended = false;
  const blocks = answer.blocks.flatMap((block): Block[] => {
    if (block.kind === 'plain') {
      if (block.block.type === 'text' && String(block.block.text ?? '').trim() === '') {
        mended = true;
        return [];
      }
      return [block.block as unknown as Block];
    }
    const { id, name, input } = block;
    const sendable = toolName(name);
    const exact = sendable === name && input.kind === 'json' && isObject(input.value);
    mended ||= !exact;
    return [{ type: 'tool_use', id, name: sendable, input: inputOf(input) }];
  });
  // An answer of thinking or nothing alone: the API takes no message without content.
  if (blocks.some((block) => block.type === 'text' || block.type === 'tool_use')) return { blocks, mended };
  return { blocks: [...blocks, { type: 'text', text: '(no answer)' }], mended };
}

/** Arguments that were not usable are replaced by a note on them. */
function inputOf(input: Extract<Answer['blocks'][number], { kind: 'tool' }>['input']): object {
  switch (input.kind) {
    case 'json':
      return isObject(input.value) ? input.value : { not_an_object: input.value };
    case 'huge':
      return { dropped_bytes: input.bytes };
    case 'malformed':
      return { not_json: input.text.slice(0, 1_000) };
  }
}

/** The name as the API takes it back: a model can make up one that it would refuse. */
const toolName = (name: string): string => name.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, 128) || 'unnamed';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The user's blocks of a turn: a result for each call, those that have none as interrupted; never empty. */
export function resultBlocks(said: readonly Block[], results: readonly unknown[]): Block[] {
  const given = results as readonly Block[];
  const answered = new Set(given.flatMap((one) => (one.type === 'tool_result' ? [one.tool_use_id] : [])));
  const missing = said.flatMap((one): Block[] =>
    one.type === 'tool_use' && !answered.has(one.id)
      ? [{ type: 'tool_result', tool_use_id: one.id, is_error: true, content: INTERRUPTED }]
      : [],
  );
  const all = [...missing, ...given];
  return all.length > 0 ? all : [{ type: 'text', text: 'Go on.' }];
}

export function withoutThinking(conversation: Conversation): Conversation {
  return { ...conversation, turns: conversation.turns.map(thoughtless) };
}

function thoughtless(spoken: Spoken): Spoken {
  const said = spoken.said.filter((block) => !isThinking(block));
  return { ...spoken, said: said.length > 0 ? said : [{ type: 'text', text: '(no answer)' }] };
}

/** Recorded turns as a conversation that goes on: without thinking, since what is stored is not what was said. */
export const recalled = (opening: string, records: readonly TurnRecord[]): Conversation => ({
  opening,
  turns: records.map(({ turn, assistant, results }) => {
    const { said } = thoughtless({ turn, said: assistant as Block[], results: [] });
    return { turn, said, results: resultBlocks(said, results) };
  }),
});

/** Outputs shorter than this stay where they are: a reference would save little. */
const LEAST = 1_500;

/** An old output, and the file in the sandbox that holds it from now on. */
export type PutAside = { path: string; text: string };

/** The conversation with the long outputs of its turns up to `upTo` replaced by the names of files, without any thinking; and those files. */
export function putAside(
  conversation: Conversation,
  upTo: number,
): { conversation: Conversation; files: PutAside[] } {
  const files: PutAside[] = [];
  const turns = conversation.turns.map((spoken) => {
    if (spoken.turn > upTo) return thoughtless(spoken);
    const results = spoken.results.map((block, index): Block => {
      if (block.type !== 'tool_result') return block;
      if (Array.isArray(block.content)) return { ...block, content: withoutPictures(block.content) };
      if (typeof block.content !== 'string') return block;
      if (block.content.length < LEAST || block.content.startsWith(ASIDE)) return block;
      const path = outputPath(spoken.turn, index);
      files.push({ path, text: block.content });
      return {
        ...block,
        content: `${ASIDE}${block.content.length} characters are in ${path}]\n${bounded(block.content, 300)}`,
      };
    });
    return { ...thoughtless(spoken), results };
  });
  return { conversation: { ...conversation, turns }, files };
}

type Shown = Exclude<Anthropic.ToolResultBlockParam['content'], string | undefined>;
const withoutPictures = (content: Shown): Shown =>
  content.map((one) =>
    one.type === 'image' ? { type: 'text', text: '[put aside to save room: look again]' } : one,
  );

const ASIDE = '[put aside to save room: all ';
/** In /tmp, which lasts between commands and is no part of any change. */
export const OUTPUTS = '/tmp/outputs';
export const outputPath = (turn: number, index: number): string => `${OUTPUTS}/${turn}-${index + 1}.txt`;

/** The messages that ask for the next turn. `ask`: said after the last results, and not kept. */
export function messagesOf(
  { opening, turns, summary }: Conversation,
  ask?: string,
): Anthropic.MessageParam[] {
  const lead = summary === undefined ? [] : [summary.block];
  const messages: Message[] = [{ role: 'user', content: [...lead, { type: 'text', text: opening }] }];
  for (const { said, results } of turns) {
    messages.push({ role: 'assistant', content: [...said] }, { role: 'user', content: [...results] });
  }
  if (ask !== undefined) messages.at(-1)?.content.push({ type: 'text', text: ask });
  return withBreakpoints(messages);
}

const CACHE = { cache_control: { type: 'ephemeral' } } as const;

/** Three breakpoints of the four there are: opening, the turn before, the last one. The fourth, on the system prompt, covers the tools. */
function withBreakpoints(messages: readonly Message[]): Message[] {
  const users = messages.flatMap((message, index) => (message.role === 'user' ? [index] : []));
  const marked = new Set([users[0], users.at(-2), users.at(-1)]);
  return messages.map((message, index) => {
    const last = message.content.at(-1);
    if (!marked.has(index) || last === undefined) return message;
    return { ...message, content: [...message.content.slice(0, -1), { ...last, ...CACHE } as Block] };
  });
}

export const systemBlocks = (text: string): Anthropic.TextBlockParam[] => [{ type: 'text', text, ...CACHE }];
