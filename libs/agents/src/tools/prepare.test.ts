import { expect, test } from 'vitest';
import type { ToolCall } from '../model/assemble.ts';
import { type Grant, prepareToolCall } from './prepare.ts';

const writer: Grant = { role: 'implement', submit: 'submit_change', writes: 'anywhere', root: '/workspace' };
const reader: Grant = { role: 'review', submit: 'submit_review', writes: 'nowhere', root: '/workspace' };
const tester: Grant = {
  role: 'test',
  submit: 'submit_tests',
  writes: { under: '.millwright-checks' },
  root: '/workspace',
};
const EDIT = 'str_replace_based_edit_tool';

const call = (name: string, value: unknown): ToolCall => ({
  kind: 'tool',
  id: 'toolu_1',
  name,
  input: { kind: 'json', value },
});
const create = (path: string) => call(EDIT, { command: 'create', path, file_text: '' });

test.each<[string, Grant, ToolCall, string, RegExp]>([
  [
    'an unknown tool',
    writer,
    call('rm_rf', {}),
    'unknown_tool',
    /no tool rm_rf; there are bash, str_replace_based_edit_tool, submit_change/,
  ],
  ['a name that objects have', writer, call('__proto__', {}), 'unknown_tool', /no tool __proto__/],
  ['a tool of writers for a reader', reader, create('a'), 'unknown_tool', /there are bash, submit_review/],
  [
    'a submit of another role',
    writer,
    call('submit_review', { verdict: 'approve' }),
    'foreign_submit',
    /as implement you submit with submit_change/,
  ],
  ['no arguments', writer, call('bash', {}), 'bad_arguments', /give a command/],
  ['arguments of another type', writer, call('bash', { command: 7 }), 'bad_arguments', /expected string/],
  ['arguments that are no object', writer, call('bash', 'ls'), 'bad_arguments', /expected object/],
  ['an unknown key', writer, call('bash', { command: 'ls', sudo: true }), 'bad_arguments', /sudo/],
  [
    '__proto__',
    writer,
    call('bash', JSON.parse('{"command":"ls","__proto__":{"restart":true}}')),
    'bad_arguments',
    /__proto__/,
  ],
  [
    'an unknown edit command',
    writer,
    call(EDIT, { command: 'undo_edit', path: 'a' }),
    'bad_arguments',
    /command/,
  ],
  [
    'malformed',
    writer,
    { kind: 'tool', id: 'x', name: 'bash', input: { kind: 'malformed', text: '{"comm' } },
    'bad_arguments',
    /not JSON/,
  ],
  [
    'huge',
    writer,
    { kind: 'tool', id: 'x', name: 'bash', input: { kind: 'huge', bytes: 10_485_760 } },
    'too_large',
    /10485760 bytes/,
  ],
  ['a path outside', writer, create('/etc/passwd'), 'blocked', /outside the workspace/],
  ['a path that climbs out', writer, create('/workspace/../etc/passwd'), 'blocked', /outside/],
  ['a path with a null', writer, create('a\0b'), 'blocked', /outside/],
  ['.git', writer, create('/workspace/.git/hooks/pre-commit'), 'blocked', /\.git/],
  ['.git by a detour', writer, create('a/../.git/config'), 'blocked', /\.git/],
  ['a tester elsewhere', tester, create('src/a.js'), 'blocked', /under \.millwright-checks\/ only/],
  ['a tester by a detour', tester, create('.millwright-checks/../src/a.js'), 'blocked', /only/],
])('%s is refused', (_, grant, given, why, message) => {
  const prepared = prepareToolCall(given, grant);
  expect(prepared).toMatchObject({ kind: 'refused', why });
  if (prepared.kind === 'refused') expect(prepared.message).toMatch(message);
});

test.each<[Grant, ToolCall, object]>([
  [writer, call('bash', { command: 'npm test' }), { kind: 'bash', action: 'bash npm test' }],
  [writer, call('bash', { restart: true }), { kind: 'bash' }],
  [writer, create('/workspace/src/a.js'), { kind: 'edit', path: 'src/a.js', action: 'edit src/a.js' }],
  [
    writer,
    call(EDIT, { command: 'view', path: '/workspace' }),
    { kind: 'edit', path: '.', action: 'view .' },
  ],
  [tester, create('.millwright-checks/a.mjs'), { kind: 'edit', path: '.millwright-checks/a.mjs' }],
  [tester, call(EDIT, { command: 'view', path: 'src/a.js' }), { kind: 'edit', path: 'src/a.js' }],
  [reader, call('submit_review', { any: 'thing' }), { kind: 'submit', value: { any: 'thing' } }],
])('%# is ready', (grant, given, prepared) => {
  expect(prepareToolCall(given, grant)).toMatchObject(prepared);
});
