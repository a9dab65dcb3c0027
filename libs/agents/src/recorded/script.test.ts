import { expect, test } from 'vitest';
import { choose, factsOf } from './choose.ts';
import { parseScript } from './script.ts';

const turns = 'turns: [{ tools: [{ bash: ls }] }]';

test.each([
  ['no role', turns, /role/],
  ['an unknown role', `role: boss\n${turns}`, /role/],
  ['an unknown key', `role: plan\ncolour: red\n${turns}`, /colour/],
  ['no turns', 'role: plan\nturns: []', /turns/],
  ['a bad pattern', "role: plan\nturns: [{ expect: ['('] }]", /not a regular expression/],
  ['a bad fault', 'role: plan\nturns: [{ fault: { status: 200 } }]', /fault/],
  ['no YAML', 'role: [', /file\.yaml: .*line/s],
])('%s is an error that names the place', (_, text, message) => {
  expect(() => parseScript(text, 'file.yaml')).toThrow(message);
  expect(() => parseScript(text, 'file.yaml')).toThrow('file.yaml');
});

test('one file holds several conversations; empty documents are none', () => {
  const found = parseScript(`---\nrole: plan\n${turns}\n---\nrole: review\n${turns}\n---\n`, 'a.yaml');
  expect(found.map((one) => [one.role, one.source])).toEqual([
    ['plan', 'a.yaml#1'],
    ['review', 'a.yaml#2'],
  ]);
});

const PROMPT =
  'Title: Add a discount\nTask: a\nAttempt: 2\nRepository: shop\n\n<ticket>\nTitle: Something else\nTask: z\n</ticket>';

test('the facts are the first lines, whatever a ticket says', () => {
  expect(factsOf(PROMPT)).toEqual({ title: 'Add a discount', task: 'a', attempt: 2 });
});

test.each([
  ['{ title: discount }', true],
  ['{ title: ^discount }', false],
  ['{ title: Something }', false],
  ['{ task: a }', true],
  ['{ task: z }', false],
  ['{ attempt: 2 }', true],
  ['{ attempt: 1 }', false],
  ['{ prompt: "Something else" }', true],
  ['{}', true],
])('when %s holds: %s', (when, holds) => {
  const found = choose(parseScript(`role: implement\nwhen: ${when}\n${turns}`, 's'), 'implement', PROMPT);
  expect(found !== null).toBe(holds);
});

test('the most conditions win, then the first; another role never', () => {
  const text = ['{ title: discount }', '{ title: discount, attempt: 2 }', '{ task: a, attempt: 2 }', '{}']
    .map((when) => `role: implement\nwhen: ${when}\n${turns}`)
    .join('\n---\n');
  const all = parseScript(text, 's');
  expect(choose(all, 'implement', PROMPT)?.source).toBe('s#2');
  expect(choose(all, 'implement', PROMPT.replace('Attempt: 2', 'Attempt: 1'))?.source).toBe('s#1');
  expect(choose(all, 'review', PROMPT)).toBeNull();
});
