import type { TurnRecord } from '@millwright/domain';
import { noUsage } from '@millwright/domain';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assistantBlocks, INTERRUPTED, messagesOf, resultBlocks } from './conversation.ts';
import { type Answer, MAX_ARGUMENTS, type ToolCall } from './model/assemble.ts';
import { checkBody } from './recorded/validate.ts';

const use = (id: string) => ({ type: 'tool_use', id, name: 'bash', input: { command: 'ls' } });
const result = (id: string) => ({ type: 'tool_result', tool_use_id: id, content: 'ok' });
const turn = (n: number, assistant: unknown[], results: unknown[], model = 'recorded/a'): TurnRecord => ({
  turn: n,
  model,
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

test('thinking goes back to the model that thought it, and to no other', () => {
  const thought = { type: 'thinking', thinking: '', signature: 's' };
  const turns = [turn(1, [thought, use('t1')], [result('t1')])];
  const sent = (model: string) => JSON.stringify(messagesOf('brief', turns, model));
  expect(sent('recorded/a')).toContain('"signature":"s"');
  expect(sent('recorded/b')).not.toContain('thinking');
});

test('arguments that could not be used are replaced by a note, not sent back', () => {
  const call = (input: ToolCall['input'], name = 'bash'): ToolCall => ({
    kind: 'tool',
    id: 't',
    name,
    input,
  });
  const answer = (...blocks: Answer['blocks']): Answer => ({ blocks, stopReason: null, tokens: noUsage() });
  expect(assistantBlocks(answer(call({ kind: 'huge', bytes: MAX_ARGUMENTS + 1 })))).toMatchObject([
    { input: { dropped_bytes: MAX_ARGUMENTS + 1 } },
  ]);
  expect(assistantBlocks(answer(call({ kind: 'malformed', text: '{"a' })))).toMatchObject([
    { input: { not_json: '{"a' } },
  ]);
  expect(assistantBlocks(answer(call({ kind: 'json', value: [1] })))).toMatchObject([
    { input: { not_an_object: [1] } },
  ]);
  expect(assistantBlocks(answer(call({ kind: 'json', value: {} }, 'a b/c')))).toMatchObject([
    { name: 'a_b_c' },
  ]);
  expect(assistantBlocks(answer({ kind: 'plain', block: { type: 'text', text: ' ' } }))).toEqual([
    { type: 'text', text: '(no answer)' },
  ]);
});

const assistant = fc
  .array(
    fc.oneof(
      fc.record({ type: fc.constant('text'), text: fc.constantFrom('hm', 'so') }),
      fc.integer({ min: 0, max: 5 }).map((id) => use(`t${id}`)),
      fc.constant({ type: 'thinking', thinking: '', signature: 's' }),
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
  const history = fc.array(
    fc.tuple(assistant, fc.boolean(), fc.boolean(), fc.constantFrom('recorded/a', 'recorded/b')),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(history, (given) => {
      const turns = given.map(([blocks, answered, talks, model], index) => {
        const results: unknown[] = answered
          ? blocks.flatMap((block) => ('id' in block ? [result(block.id)] : []))
          : [];
        return turn(
          index + 1,
          blocks,
          talks ? [...results, { type: 'text', text: 'Go on.' }] : results,
          model,
        );
      });
      const body = {
        model: 'recorded/a',
        max_tokens: 1,
        system: [{ type: 'text', text: 's', cache_control: { type: 'ephemeral' } }],
        messages: messagesOf('brief', turns, 'recorded/a'),
      };
      expect(checkBody(body, () => true)).toMatchObject({ kind: 'valid' });
    }),
    { numRuns: 300 },
  );
});
