import type Anthropic from '@anthropic-ai/sdk';
import type { TurnRecord } from '@millwright/domain';
import { noUsage } from '@millwright/domain';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  assistantBlocks,
  type Conversation,
  INTERRUPTED,
  messagesOf,
  putAside,
  recalled,
  resultBlocks,
  thinks,
  withoutThinking,
} from './conversation.ts';
import { type Answer, MAX_ARGUMENTS, type ToolCall } from './model/assemble.ts';
import { checkBody } from './recorded/validate.ts';

type Block = Anthropic.ContentBlockParam;
const use = (id: string): Block => ({ type: 'tool_use', id, name: 'bash', input: { command: 'ls' } });
const result = (id: string, content = 'ok'): Block => ({ type: 'tool_result', tool_use_id: id, content });
const thought: Block = { type: 'thinking', thinking: 'hm', signature: 's' };
const turn = (n: number, assistant: unknown[], results: unknown[]): TurnRecord => ({
  turn: n,
  model: 'recorded/a',
  assistant,
  results,
  stopReason: 'tool_use',
  usage: noUsage(),
  action: '',
});

test('a recorded call without its result comes back as interrupted, before what else is said', () => {
  expect(resultBlocks([use('t1'), use('t2')], [result('t2')])).toEqual([
    { type: 'tool_result', tool_use_id: 't1', is_error: true, content: INTERRUPTED },
    result('t2'),
  ]);
});

test('what was said goes back as it came, thinking included, until it is taken out everywhere', () => {
  const conversation: Conversation = {
    opening: 'brief',
    turns: [
      { turn: 1, said: [thought, use('t1')], results: [result('t1')] },
      { turn: 2, said: [thought], results: [{ type: 'text', text: 'Go on.' }] },
    ],
  };
  expect(messagesOf(conversation)[1]).toEqual({ role: 'assistant', content: [thought, use('t1')] });
  expect(thinks(conversation)).toBe(true);
  const without = withoutThinking(conversation);
  expect(thinks(without)).toBe(false);
  expect(messagesOf(without)[3]).toEqual({
    role: 'assistant',
    content: [{ type: 'text', text: '(no answer)' }],
  });
});

test('a conversation read back from its records has no thinking', () => {
  expect(thinks(recalled('brief', [turn(1, [thought, use('t1')], [result('t1')])]))).toBe(false);
});

test('long outputs up to a turn are put aside, by name, once; the rest stays', () => {
  const long = 'x'.repeat(5_000);
  const conversation: Conversation = {
    opening: 'brief',
    turns: [1, 2, 3].map((n) => ({
      turn: n,
      said: [thought, use(`t${n}`), use(`s${n}`)],
      results: [result(`t${n}`, long), result(`s${n}`, 'short')],
    })),
  };
  const once = putAside(conversation, 2);
  expect(once.files.map(({ path }) => path)).toEqual(['/tmp/outputs/1-1.txt', '/tmp/outputs/2-1.txt']);
  expect(once.files[0]?.text).toBe(long);
  const sent = JSON.stringify(messagesOf(once.conversation));
  expect(sent).toContain('all 5000 characters are in /tmp/outputs/1-1.txt');
  expect(sent.split(long).length - 1).toBe(1);
  expect(sent).toContain('short');
  expect(thinks(once.conversation)).toBe(false);
  const twice = putAside(once.conversation, 3);
  expect(twice.files.map(({ path }) => path)).toEqual(['/tmp/outputs/3-1.txt']);
});

test('arguments that could not be used are replaced by a note, and the answer counts as mended', () => {
  const call = (input: ToolCall['input'], name = 'bash'): ToolCall => ({
    kind: 'tool',
    id: 't',
    name,
    input,
  });
  const mended = (...blocks: Answer['blocks']) =>
    assistantBlocks({ blocks, stopReason: null, tokens: noUsage() });
  const huge = { kind: 'huge', bytes: MAX_ARGUMENTS + 1 } as const;
  expect(mended(call(huge))).toMatchObject({
    mended: true,
    blocks: [{ input: { dropped_bytes: MAX_ARGUMENTS + 1 } }],
  });
  expect(mended(call({ kind: 'malformed', text: '{"a' }))).toMatchObject({
    mended: true,
    blocks: [{ input: { not_json: '{"a' } }],
  });
  expect(mended(call({ kind: 'json', value: [1] }))).toMatchObject({
    mended: true,
    blocks: [{ input: { not_an_object: [1] } }],
  });
  expect(mended(call({ kind: 'json', value: {} }, 'a b/c'))).toMatchObject({
    mended: true,
    blocks: [{ name: 'a_b_c' }],
  });
  expect(mended({ kind: 'plain', block: { type: 'text', text: ' ' } })).toEqual({
    mended: true,
    blocks: [{ type: 'text', text: '(no answer)' }],
  });
  expect(mended(call({ kind: 'json', value: {} }))).toMatchObject({ mended: false });
});

const assistant = fc
  .array(
    fc.oneof(
      fc.constantFrom('hm', 'so').map((text): Block => ({ type: 'text', text })),
      fc.integer({ min: 0, max: 5 }).map((id) => use(`t${id}`)),
      fc.constant(thought),
    ),
    { maxLength: 4 },
  )
  .map((blocks) =>
    blocks.filter(
      (block, index) =>
        !('id' in block) || blocks.findIndex((one) => 'id' in one && one.id === block.id) === index,
    ),
  );

test('whatever the record holds, what is sent is a request that the API takes, with at most four breakpoints', () => {
  const history = fc.array(fc.tuple(assistant, fc.boolean(), fc.boolean()), { maxLength: 6 });
  fc.assert(
    fc.property(history, fc.boolean(), (given, asks) => {
      const turns = given.map(([blocks, answered, talks], index) => {
        const results: unknown[] = answered
          ? blocks.flatMap((block) => ('id' in block ? [result(String(block.id))] : []))
          : [];
        return turn(index + 1, blocks, talks ? [...results, { type: 'text', text: 'Go on.' }] : results);
      });
      const body = {
        model: 'recorded/a',
        max_tokens: 1,
        system: [{ type: 'text', text: 's', cache_control: { type: 'ephemeral' } }],
        messages: messagesOf(recalled('brief', turns), asks ? 'Hand over: now' : undefined),
      };
      expect(checkBody(body, () => true)).toMatchObject({ kind: 'valid' });
    }),
    { numRuns: 300 },
  );
});
