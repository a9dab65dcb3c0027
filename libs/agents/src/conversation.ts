import type Anthropic from '@anthropic-ai/sdk';
import type { TurnRecord } from '@millwright/domain';
import type { Answer } from './model/assemble.ts';

// Turns as the Messages API has them. Recorded turns are sent back as they were; what the API would refuse is mended here, once.

type Blocks = Anthropic.ContentBlockParam[];
type Message = { role: 'user' | 'assistant'; content: Blocks };

export const INTERRUPTED =
  'interrupted: the factory was restarted and does not know whether this ran. Look at the workspace before you do it again.';

/** The assistant's blocks as they are recorded and sent back. Arguments that were not usable are replaced by a note on them. */
export function assistantBlocks(answer: Answer): Blocks {
  const blocks = answer.blocks.flatMap((block): Blocks => {
    if (block.kind === 'plain') {
      if (block.block.type === 'text' && String(block.block.text ?? '').trim() === '') return [];
      return [block.block as unknown as Anthropic.ContentBlockParam];
    }
    const { id, name, input } = block;
    const kept =
      input.kind === 'json'
        ? isObject(input.value)
          ? input.value
          : { not_an_object: input.value }
        : input.kind === 'huge'
          ? { dropped_bytes: input.bytes }
          : { not_json: input.text.slice(0, 1_000) };
    return [{ type: 'tool_use', id, name: toolName(name), input: kept }];
  });
  // An answer of thinking or nothing alone: the API takes no message without content.
  return blocks.some((block) => block.type === 'text' || block.type === 'tool_use')
    ? blocks
    : [...blocks, { type: 'text', text: '(no answer)' }];
}

/** The name as the API takes it back: a model can make up one that it would refuse. */
const toolName = (name: string): string => name.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, 128) || 'unnamed';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The user's blocks of a turn: a result for each call, those that have none as interrupted; never empty. */
export function resultBlocks(assistant: readonly unknown[], results: readonly unknown[]): Blocks {
  const given = results as Blocks;
  const answered = new Set(given.flatMap((one) => (one.type === 'tool_result' ? [one.tool_use_id] : [])));
  const missing = (assistant as Blocks).flatMap(
    (one): Blocks =>
      one.type === 'tool_use' && !answered.has(one.id)
        ? [{ type: 'tool_result', tool_use_id: one.id, is_error: true, content: INTERRUPTED }]
        : [],
  );
  const all = [...missing, ...given];
  return all.length > 0 ? all : [{ type: 'text', text: 'Go on.' }];
}

/** The messages that ask for the next turn. Thinking is bound to the model that thought it: another model gets the turn without. */
export function messagesOf(
  brief: string,
  turns: readonly TurnRecord[],
  model: string,
): Anthropic.MessageParam[] {
  const messages: Message[] = [{ role: 'user', content: [{ type: 'text', text: brief }] }];
  for (const turn of turns) {
    const blocks = (turn.assistant as Blocks).filter(
      (block) => turn.model === model || (block.type !== 'thinking' && block.type !== 'redacted_thinking'),
    );
    messages.push({
      role: 'assistant',
      content: blocks.length > 0 ? blocks : [{ type: 'text', text: '(no answer)' }],
    });
    messages.push({ role: 'user', content: resultBlocks(blocks, turn.results) });
  }
  return withBreakpoints(messages);
}

const CACHE = { cache_control: { type: 'ephemeral' } } as const;

/** Three breakpoints of the four there are: brief, the turn before, the last one. The fourth, on the system prompt, covers the tools. */
function withBreakpoints(messages: readonly Message[]): Message[] {
  const users = messages.flatMap((message, index) => (message.role === 'user' ? [index] : []));
  const marked = new Set([users[0], users.at(-2), users.at(-1)]);
  return messages.map((message, index) => {
    const last = message.content.at(-1);
    if (!marked.has(index) || last === undefined) return message;
    return {
      ...message,
      content: [...message.content.slice(0, -1), { ...last, ...CACHE } as Anthropic.ContentBlockParam],
    };
  });
}

export const systemBlocks = (text: string): Anthropic.TextBlockParam[] => [{ type: 'text', text, ...CACHE }];
