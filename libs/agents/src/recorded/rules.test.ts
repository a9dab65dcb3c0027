import { expect, test } from 'vitest';
import { checkLength, checkThinkingBlocks, compactionBlock, PromptCache, rulesOf, signer } from './rules.ts';
import { checkBody } from './validate.ts';
import type { WireRequest } from './wire.ts';

// Each documented rule from both sides: what breaks it is refused in the API's words, what keeps it is taken. Sources are in rules.ts.

const body = (over: object) => ({
  model: 'claude-opus-5-5',
  max_tokens: 32_000,
  messages: [{ role: 'user', content: 'hello' }],
  ...over,
});
const check = (over: object, betas: string[] = []) => checkBody(body(over), () => true, undefined, betas);

test.each<[string, object]>([
  ['adaptive thinking', { thinking: { type: 'adaptive', display: 'summarized' } }],
  ['no word on thinking', {}],
  ['every effort', { output_config: { effort: 'xhigh' } }],
  ['the largest answer', { max_tokens: 128_000 }],
  ['thinking off where it can be', { model: 'claude-opus-5', thinking: { type: 'disabled' } }],
  ['thinking off between tools', { model: 'claude-sonnet-5-5', thinking: { type: 'between_tools' } }],
  [
    'a budget where there are budgets',
    { model: 'claude-haiku-4-5', thinking: { type: 'enabled', budget_tokens: 2_048 } },
  ],
  ['an effort of Opus 4.6', { model: 'claude-opus-4-6', output_config: { effort: 'max' } }],
])('%s is taken', (_, over) => {
  expect(check(over)).toMatchObject({ kind: 'valid' });
});

test.each<[string, object, RegExp]>([
  ['thinking off', { thinking: { type: 'disabled' } }, /"disabled" is not supported/],
  [
    'thinking off on Sonnet 5.5',
    { model: 'claude-sonnet-5-5', thinking: { type: 'disabled' } },
    /"disabled" is not supported/,
  ],
  ['a budget', { thinking: { type: 'enabled', budget_tokens: 2_048 } }, /Use "thinking.type.adaptive"/],
  [
    'a budget over max_tokens',
    { model: 'claude-haiku-4-5', max_tokens: 2_000, thinking: { type: 'enabled', budget_tokens: 2_048 } },
    /less than max_tokens/,
  ],
  [
    'adaptive thinking on Haiku 4.5',
    { model: 'claude-haiku-4-5', thinking: { type: 'adaptive' } },
    /not supported on this model/,
  ],
  ['another display', { thinking: { type: 'adaptive', display: 'loud' } }, /'summarized' or 'omitted'/],
  ['too long an answer', { max_tokens: 128_001 }, /128001 > 128000/],
  ['too long an answer of Haiku 4.5', { model: 'claude-haiku-4-5', max_tokens: 64_001 }, /64001 > 64000/],
  ['an effort there is not', { output_config: { effort: 'extreme' } }, /output_config.effort/],
  [
    'xhigh on Opus 4.6',
    { model: 'claude-opus-4-6', output_config: { effort: 'xhigh' } },
    /output_config.effort/,
  ],
  [
    'an effort on Haiku 4.5',
    { model: 'claude-haiku-4-5', output_config: { effort: 'low' } },
    /does not support the effort/,
  ],
  ['a forced tool', { tool_choice: { type: 'any' } }, /forced tool use is not supported/],
  ['sampling', { temperature: 0.5 }, /temperature: Extra inputs/],
])('%s is refused', (_, over, message) => {
  expect(check(over)).toMatchObject({
    kind: 'invalid',
    fault: { status: 400, message: expect.stringMatching(message) },
  });
});

test('the binding of thinking is set with its beta header only', () => {
  const thinking = { type: 'adaptive', block_binding: { prefix_mismatch_behavior: 'drop_block' } };
  expect(check({ thinking })).toMatchObject({ kind: 'invalid' });
  expect(check({ thinking }, ['thinking-binding-controls-2026-08-01'])).toMatchObject({
    kind: 'valid',
    request: { onMismatch: 'drop_block' },
  });
});

test('a prompt as long as the window is taken, one token more is not', () => {
  expect(checkLength(200_000, 200_000)).toBeNull();
  expect(checkLength(200_001, 200_000)).toMatchObject({
    status: 400,
    message: 'prompt is too long: 200001 tokens > 200000 maximum',
  });
});

// --- preserved thinking

const text = (value: string, more = {}) => ({ type: 'text', text: value, ...more });
const use = (id: string, command = 'ls') => ({ type: 'tool_use', id, name: 'bash', input: { command } });
const request = (over: Partial<WireRequest> = {}): WireRequest => ({
  model: 'claude-opus-5-5',
  max_tokens: 100,
  stream: true,
  system: [text('You are.')],
  tools: [{ name: 'bash', type: 'bash_20250124' }],
  messages: [{ role: 'user', content: [text('Do it.')] }],
  user: null,
  onMismatch: null,
  summarize: false,
  showsThinking: true,
  ...over,
});

/** A conversation with an answer of two thoughts, each before a call, and its results. */
function answered(model = 'claude-opus-5-5'): WireRequest {
  const first = request({ model });
  const signing = signer(first);
  const said: WireRequest['messages'][number]['content'] = [];
  for (const [n, id] of ['t1', 't2'].entries()) {
    for (const block of [{ type: 'thinking', thinking: `${n}`, signature: signing.sign() }, use(id)]) {
      said.push(block);
      signing.add(block);
    }
  }
  const results = ['t1', 't2'].map((id) => ({ type: 'tool_result', tool_use_id: id, content: 'ok' }));
  return {
    ...first,
    messages: [...first.messages, { role: 'assistant', content: said }, { role: 'user', content: results }],
  };
}

const outcome = (over: WireRequest) => checkThinkingBlocks(over, rulesOf(over.model));
const said = (edit: (blocks: WireRequest['messages'][number]['content']) => unknown[]): WireRequest => {
  const from = answered();
  const [user, assistant, results] = from.messages;
  return {
    ...from,
    messages: [
      user,
      { ...assistant, content: edit(assistant?.content ?? []) },
      results,
    ] as WireRequest['messages'],
  };
};

test.each<[string, WireRequest]>([
  ['what came, as it came', answered()],
  [
    'with breakpoints put in',
    { ...answered(), system: [text('You are.', { cache_control: { type: 'ephemeral' } })] },
  ],
  ['with other settings', { ...answered(), max_tokens: 5, showsThinking: false }],
  ['without any of the thinking', said((blocks) => blocks.filter((one) => one.type !== 'thinking'))],
  ['changed after the thinking', said((blocks) => blocks.with(3, use('t2', 'pwd')))],
  [
    'with a message more',
    { ...answered(), messages: [...answered().messages, { role: 'user', content: [text('And?')] }] },
  ],
])('%s is taken whole', (_, given) => {
  expect(outcome(given)).toEqual({ kind: 'taken', dropped: [] });
});

test.each<[string, WireRequest]>([
  ['another system prompt', { ...answered(), system: [text('You are not.')] }],
  ['another tool', { ...answered(), tools: [{ name: 'bash', type: 'bash_20250124' }, { name: 'more' }] }],
  [
    'another first message',
    { ...answered(), messages: answered().messages.with(0, { role: 'user', content: [text('Do that.')] }) },
  ],
  ['a masked call between two thoughts', said((blocks) => blocks.with(1, use('t1', '[masked]')))],
  ['a thought left out before another', said((blocks) => blocks.slice(1))],
  ['a thought moved', said(([a, b, c, d]) => [c, b, a, d])],
  [
    'a thought that was made up',
    said((blocks) => blocks.with(0, { type: 'thinking', thinking: '', signature: 'x' })),
  ],
])('%s is refused, or dropped where that is asked for', (_, given) => {
  expect(outcome(given)).toMatchObject({
    kind: 'refused',
    fault: {
      status: 400,
      message: expect.stringMatching(/^messages\.1\.content\.\d: Invalid `signature` in `thinking` block\./),
    },
  });
  const dropping = outcome({ ...given, onMismatch: 'drop_block' });
  expect(dropping.kind === 'taken' && dropping.dropped.length > 0).toBe(true);
});

test('a thought of another model is dropped without an error, one of Haiku 5.5 is read', () => {
  const reason = { reason: 'model_binding_mismatch' };
  expect(outcome({ ...answered('claude-opus-5'), model: 'claude-opus-5-5' })).toMatchObject({
    kind: 'taken',
    dropped: [reason, reason],
  });
  expect(outcome({ ...answered('claude-haiku-5-5'), model: 'claude-opus-5-5' })).toEqual({
    kind: 'taken',
    dropped: [],
  });
});

test('a model that does not preserve thinking takes it after a change', () => {
  expect(outcome({ ...answered('claude-opus-5'), system: [text('Other.')] })).toEqual({
    kind: 'taken',
    dropped: [],
  });
});

// --- prompt caching

const marked = { cache_control: { type: 'ephemeral' } };

test('what ended at a breakpoint within five minutes is read, and only that', () => {
  let now = 0;
  const cache = new PromptCache(() => now);
  const turns = (n: number) =>
    request({
      messages: Array.from({ length: n }, (_, at) => ({
        role: 'user' as const,
        content: [text(`turn ${at}`, at === n - 1 ? marked : {})],
      })),
    });
  const first = cache.use(turns(1));
  expect(first.read).toBe(0);
  expect(cache.use(turns(2)).read).toBe(first.written);
  now = 6 * 60_000;
  expect(cache.use(turns(3)).read).toBe(0);
});

test('a breakpoint looks twenty blocks back, and no further', () => {
  const with_ = (blocks: number) =>
    request({
      messages: [
        { role: 'user', content: [text('brief', marked)] },
        ...(blocks === 0
          ? []
          : [
              {
                role: 'user' as const,
                content: Array.from({ length: blocks }, (_, at) =>
                  text(`b${at}`, at === blocks - 1 ? marked : {}),
                ),
              },
            ]),
      ],
    });
  const cache = new PromptCache(() => 0);
  cache.use({ ...with_(0), system: [text('other')] });
  const brief = cache.use(with_(0));
  const without = (given: WireRequest): WireRequest => ({
    ...given,
    messages: given.messages.map((message, at) =>
      at === 0 ? { ...message, content: [text('brief')] } : message,
    ),
  });
  expect(cache.use(without(with_(20))).read).toBe(brief.written);
  expect(new PromptCache(() => 0).use(without(with_(20))).read).toBe(0);
  const late = new PromptCache(() => 0);
  late.use(with_(0));
  expect(late.use(without(with_(21))).read).toBe(0);
});

const COMPACT = 'compact-2026-09-04';
const asking = { compaction: { type: 'summarize' } };
const carrying = (block: object, more: object[] = []) => ({
  messages: [{ role: 'user', content: [block, { type: 'text', text: 'Go on.' }, ...more] }],
});
const summed = compactionBlock('All is well.');

test.each<[string, object]>([
  ['a request for a summary', asking],
  ['one of a model that keeps no thinking', { ...asking, model: 'claude-sonnet-4-6' }],
  ['a summary first of all', carrying(summed)],
  [
    'a summary as a message of its own',
    {
      messages: [
        { role: 'assistant', content: [summed] },
        { role: 'user', content: 'Go on.' },
      ],
    },
  ],
  ['summing up again', { ...asking, ...carrying(summed) }],
])('%s is taken', (_, over) => {
  expect(check(over, [COMPACT])).toMatchObject({ kind: 'valid' });
});

test.each<[string, object, string[], RegExp]>([
  ['a request for a summary without its header', asking, [], /requires anthropic-beta: compact-2026-09-04/],
  ['a summary without its header', carrying(summed), [], /'compaction'.*expected tags/],
  ['a model that sums nothing up', { ...asking, model: 'claude-fable-5-2' }, [COMPACT], /not supported/],
  ['another kind', { compaction: { type: 'forget' } }, [COMPACT], /'summarize'/],
  ['context editing beside it', { ...asking, context_management: {} }, [COMPACT], /context_management/],
  [
    'instructions that are too long',
    { compaction: { type: 'summarize', instructions: 'x'.repeat(16_385) } },
    [COMPACT],
    /at most 16384/,
  ],
  ['another text than was signed', carrying({ ...summed, content: 'Else.' }), [COMPACT], /differs/],
  ['a signature of nobody', carrying({ ...summed, signature: 'x' }), [COMPACT], /does not verify/],
  ['a field of ours in it', carrying({ ...summed, citations: null }), [COMPACT], /citations: Extra inputs/],
  ['two summaries', carrying(summed, [summed]), [COMPACT], /more than one/],
  [
    'what was summed up before it',
    { messages: [{ role: 'user', content: [{ type: 'text', text: 'Old.' }, summed] }] },
    [COMPACT],
    /must come first/,
  ],
])('%s is refused', (_, over, betas, message) => {
  expect(check(over, betas)).toMatchObject({
    kind: 'invalid',
    fault: { status: 400, message: expect.stringMatching(message) },
  });
});
