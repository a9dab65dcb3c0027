import type { Answer, AnswerBlock } from './answer.ts';
import type { Dropped } from './rules.ts';
import { inputOf } from './wire.ts';

// An answer as the events of a streamed message, and as a plain message.
// Source: https://platform.claude.com/docs/en/build-with-claude/streaming

const event = (type: string, data: Record<string, unknown>): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;

/** Says that the stream lives. Source: https://platform.claude.com/docs/en/build-with-claude/streaming ("Ping events") */
export const ping = (): string => event('ping', {});

export const errorEvent = (type: string): string =>
  event('error', { error: { type, message: type === 'overloaded_error' ? 'Overloaded' : type } });

/** Pieces of at most this many characters a delta, so that a cut can fall inside a tool call. */
const PIECE = 32_768;

const pieces = (text: string, size: number): string[] => {
  const out: string[] = [];
  for (let at = 0; at < text.length; at += size) out.push(text.slice(at, at + size));
  return out;
};

/** The events of a streamed answer, in order. */
export function* events(answer: Answer, dropped: readonly Dropped[] = []): Generator<string> {
  const { output_tokens: _, ...input } = answer.usage;
  yield event('message_start', {
    message: {
      id: answer.id,
      type: 'message',
      role: 'assistant',
      model: answer.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { ...input, output_tokens: 1 },
      ...(dropped.length === 0 ? {} : { input_transformations: dropped }),
    },
  });
  yield ping();
  for (const [index, block] of answer.blocks.entries()) yield* blockEvents(block, index);
  yield event('message_delta', {
    delta: { stop_reason: answer.stop, stop_sequence: null, stop_details: answer.stopDetails },
    usage: answer.usage,
  });
  yield event('message_stop', {});
}

function* blockEvents(block: AnswerBlock, index: number): Generator<string> {
  if (block.kind === 'text') {
    yield event('content_block_start', { index, content_block: { type: 'text', text: '' } });
    for (const text of pieces(block.text, PIECE))
      yield event('content_block_delta', { index, delta: { type: 'text_delta', text } });
  } else if (block.kind === 'thinking') {
    const { text, signature } = block;
    yield event('content_block_start', {
      index,
      content_block: { type: 'thinking', thinking: '', signature: '' },
    });
    for (const thinking of pieces(text, PIECE))
      yield event('content_block_delta', { index, delta: { type: 'thinking_delta', thinking } });
    yield event('content_block_delta', { index, delta: { type: 'signature_delta', signature } });
  } else if (block.kind === 'compaction') {
    // Whole, without deltas. Source: …/compaction-on-demand ("Request a summary")
    yield event('content_block_start', { index, content_block: block.block });
  } else {
    const { id, name } = block;
    yield event('content_block_start', { index, content_block: { type: 'tool_use', id, name, input: {} } });
    const size = Math.min(PIECE, Math.max(1, Math.ceil(block.json.length / 2)));
    for (const part of pieces(block.json, size))
      yield event('content_block_delta', { index, delta: { type: 'input_json_delta', partial_json: part } });
  }
  yield event('content_block_stop', { index });
}

/** The answer to a request that does not stream. Arguments that are no JSON come as an empty object, as the API gives them. */
export const plainMessage = (answer: Answer): string =>
  JSON.stringify({
    id: answer.id,
    type: 'message',
    role: 'assistant',
    model: answer.model,
    content: answer.blocks.map((block) => {
      if (block.kind === 'text') return { type: 'text', text: block.text };
      if (block.kind === 'compaction') return block.block;
      if (block.kind === 'thinking')
        return { type: 'thinking', thinking: block.text, signature: block.signature };
      return { type: 'tool_use', id: block.id, name: block.name, input: inputOf(block.json) };
    }),
    stop_reason: answer.stop,
    stop_sequence: null,
    stop_details: answer.stopDetails,
    usage: answer.usage,
  });
