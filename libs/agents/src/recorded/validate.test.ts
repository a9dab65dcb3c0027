import { expect, test } from 'vitest';
import { checkBody, checkHeaders } from './validate.ts';

const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: unknown) => ({ role: 'assistant', content });
const use = (id: string) => ({ type: 'tool_use', id, name: 'bash', input: {} });
const result = (id: string) => ({ type: 'tool_result', tool_use_id: id, content: 'ok' });
const text = (value: string, more = {}) => ({ type: 'text', text: value, ...more });
const marked = { cache_control: { type: 'ephemeral' } };
const custom = { name: 'submit_plan', input_schema: { type: 'object', properties: {} } };

const picture = (data: string, media = 'image/png') => ({
  type: 'image',
  source: { type: 'base64', media_type: media, data },
});
const shown = (data: string, media?: string) =>
  body({
    messages: [
      user('a'),
      assistant([use('t1')]),
      user([{ ...result('t1'), content: [picture(data, media)] }]),
    ],
  });

const base = { model: 'recorded/plan', max_tokens: 100, messages: [user('hello')] };
const body = (over: object) => ({ ...base, ...over });
const check = (given: unknown, version?: string) =>
  checkBody(given, (model) => model.startsWith('recorded/'), version);

test.each<[string, unknown]>([
  ['the least', base],
  [
    'a tool call and its result',
    body({ messages: [user('a'), assistant([use('t1')]), user([result('t1'), text('and')])] }),
  ],
  [
    'results in another order',
    body({ messages: [user('a'), assistant([use('t1'), use('t2')]), user([result('t2'), result('t1')])] }),
  ],
  ['a picture in a result', shown('iVBORw0KGgo=')],
  ['user twice', body({ messages: [user('a'), user('b')] })],
  [
    'four breakpoints',
    body({
      system: [text('s', marked)],
      messages: [user([text('a', marked), text('b', marked), text('c', marked)])],
    }),
  ],
  [
    'the tools of Millwright',
    body({
      tools: [
        { type: 'bash_20250124', name: 'bash' },
        { type: 'text_editor_20250728', name: 'str_replace_based_edit_tool' },
        custom,
      ],
    }),
  ],
  [
    'thinking sent back',
    body({
      messages: [
        user('a'),
        assistant([{ type: 'thinking', thinking: '', signature: 'x' }, use('t1')]),
        user([result('t1')]),
      ],
    }),
  ],
])('%s is valid', (_, given) => {
  expect(check(given)).toMatchObject({ kind: 'valid' });
});

test.each<[string, unknown, RegExp]>([
  ['no object', [], /not valid JSON/],
  ['a picture of another kind', shown('iVBORw0KGgo=', 'image/svg+xml'), /media_type: Input should be/],
  ['a picture that is too large', shown(`iVBORw0KGgo${'A'.repeat(5_242_880)}`), /exceeds 5 MB/],
  ['what is no picture', shown('bm90IG9uZQ=='), /Could not process image/],
  ['no model', { ...base, model: undefined }, /^model: Field required/],
  ['no max_tokens', { ...base, max_tokens: undefined }, /^max_tokens: Field required/],
  ['max_tokens 0', body({ max_tokens: 0 }), /^max_tokens/],
  ['no messages', { ...base, messages: undefined }, /^messages: Field required/],
  ['empty messages', body({ messages: [] }), /at least one message/],
  [
    'the assistant first',
    body({ messages: [assistant('a'), user('b')] }),
    /first message must use the "user" role/,
  ],
  [
    'another role',
    body({ messages: [user('a'), { role: 'system', content: 'b' }] }),
    /Unexpected role "system"/,
  ],
  ['empty content', body({ messages: [user([])] }), /non-empty content/],
  ['empty text', body({ messages: [user([text('')])] }), /text content blocks must be non-empty/],
  ['white space', body({ messages: [user([text(' \n')])] }), /non-whitespace/],
  ['prefill', body({ messages: [user('a'), assistant('b')] }), /prefill/],
  [
    'a call without a result',
    body({ messages: [user('a'), assistant([use('t1')]), user('b')] }),
    /messages\.1: `tool_use` ids were found without `tool_result` blocks immediately after: t1/,
  ],
  ['a call at the end', body({ messages: [user('a'), assistant([use('t1')])] }), /ids were found without/],
  [
    'one of two results',
    body({ messages: [user('a'), assistant([use('t1'), use('t2')]), user([result('t1')])] }),
    /after: t2/,
  ],
  [
    'a result without a call',
    body({ messages: [user([result('t9')])] }),
    /messages\.0\.content\.0: unexpected `tool_use_id`.*t9/,
  ],
  [
    'a result twice',
    body({ messages: [user('a'), assistant([use('t1')]), user([result('t1'), result('t1')])] }),
    /a single result/,
  ],
  [
    'a result that is not first',
    body({ messages: [user('a'), assistant([use('t1')]), user([text('b'), result('t1')])] }),
    /immediately after/,
  ],
  [
    'two calls of one id',
    body({ messages: [user('a'), assistant([use('t1'), use('t1')]), user([result('t1')])] }),
    /must be unique/,
  ],
  [
    'a bad id',
    body({ messages: [user('a'), assistant([use('t 1')]), user([result('t 1')])] }),
    /should match pattern/,
  ],
  ['a call by the user', body({ messages: [user([use('t1')])] }), /'tool_use'.*does not match/],
  [
    'input that is no object',
    body({ messages: [user('a'), assistant([{ ...use('t1'), input: 'x' }]), user([result('t1')])] }),
    /valid dictionary/,
  ],
  [
    'five breakpoints',
    body({
      tools: [{ ...custom, ...marked }],
      system: [text('s', marked)],
      messages: [user([text('a', marked), text('b', marked), text('c', marked)])],
    }),
    /maximum of 4 blocks with cache_control may be provided. Found 5/,
  ],
  ['empty system', body({ system: [text('')] }), /system: text content/],
  ['two tools of one name', body({ tools: [custom, custom] }), /names must be unique/],
  ['no schema', body({ tools: [{ name: 'a' }] }), /input_schema: Field required/],
  [
    'a schema of another type',
    body({ tools: [{ name: 'a', input_schema: { type: 'array' } }] }),
    /type: Input should be 'object'/,
  ],
  ['a bad name', body({ tools: [{ ...custom, name: 'a b' }] }), /should match pattern/],
  [
    'an unknown type',
    body({ tools: [{ type: 'bash_19700101', name: 'bash' }] }),
    /tools\.0: Input tag 'bash_19700101'/,
  ],
  [
    'bash by another name',
    body({ tools: [{ type: 'bash_20250124', name: 'shell' }] }),
    /Input should be 'bash'/,
  ],
  [
    'strict with a length',
    body({
      tools: [
        {
          name: 'a',
          strict: true,
          input_schema: {
            type: 'object',
            additionalProperties: false,
            properties: { x: { type: 'string', maxLength: 3 } },
          },
        },
      ],
    }),
    /'maxLength' is not supported/,
  ],
  ['strict with more properties', body({ tools: [{ ...custom, strict: true }] }), /additionalProperties/],
  ['forced tool use', body({ tool_choice: { type: 'any' } }), /forced tool use/],
  ['temperature', body({ temperature: 0 }), /temperature/],
])('%s is refused', (_, given, message) => {
  const checked = check(given);
  expect(checked).toMatchObject({ kind: 'invalid', fault: { status: 400, type: 'invalid_request_error' } });
  if (checked.kind === 'invalid') expect(checked.fault.message).toMatch(message);
});

test('an unknown model is not found; the older version of the API still takes a temperature', () => {
  expect(check(body({ model: 'gpt-9' }))).toMatchObject({
    fault: { status: 404, type: 'not_found_error', message: 'model: gpt-9' },
  });
  expect(check(body({ temperature: 0 }), '2023-06-01')).toMatchObject({ kind: 'valid' });
});

const headers = { 'x-api-key': 'k', 'anthropic-version': '2026-10-21', 'content-type': 'application/json' };
test.each<[string, Record<string, string | undefined>, string | null, object | null]>([
  ['all there', headers, null, null],
  ['the key as a bearer token', { ...headers, 'x-api-key': undefined, authorization: 'Bearer k' }, 'k', null],
  ['no key', { ...headers, 'x-api-key': undefined }, null, { status: 401, type: 'authentication_error' }],
  ['another key', headers, 'right', { status: 401, message: 'invalid x-api-key' }],
  [
    'no version',
    { ...headers, 'anthropic-version': undefined },
    null,
    { status: 400, message: 'anthropic-version: header is required' },
  ],
  ['an unknown version', { ...headers, 'anthropic-version': '1999-01-01' }, null, { status: 400 }],
  ['no content type', { ...headers, 'content-type': 'text/plain' }, null, { status: 400 }],
])('headers: %s', (_, given, key, fault) => {
  const found = checkHeaders(given, key);
  if (fault === null) expect(found).toBeNull();
  else expect(found).toMatchObject(fault);
});
