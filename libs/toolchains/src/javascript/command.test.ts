import { expect, test } from 'vitest';
import { parseManifest, quote, testCommand } from './command.ts';

const manifest = (scripts: Record<string, string>) => parseManifest(JSON.stringify({ name: 'x', scripts }));

test('the test script of the base runs with its pre and post scripts, without npm', () => {
  const command = testCommand({}, manifest({ pretest: "echo 'a'", test: 'mocha', posttest: 'echo b' }));
  expect(command).toMatchObject({ kind: 'command', text: "echo 'a' && mocha && echo b" });
  expect(command.kind === 'command' && command.script.split('\n').slice(1)).toEqual([
    `/bin/sh -c 'echo '\\''a'\\''' &&`,
    `/bin/sh -c 'mocha' &&`,
    `/bin/sh -c 'echo b'`,
  ]);
});

test.each([
  [undefined, { test: 'mocha' }, 'mocha'],
  ['npm test', { test: 'mocha' }, 'mocha'],
  ['npm run test', { test: 'mocha' }, 'mocha'],
  ['make check', { test: 'mocha' }, 'make check'],
  ['npm test', {}, 'npm test'],
  ['npm run test:unit', { test: 'mocha' }, 'npm run test:unit'],
] as const)('the repository file says %s, the scripts are %o: %s', (own, scripts, text) => {
  const config = own === undefined ? {} : { test: own };
  expect(testCommand(config, manifest(scripts))).toMatchObject({ kind: 'command', text });
});

test.each([
  null,
  '{}',
  '[]',
  'no json',
  '{"scripts":{"test":"echo \\"Error: no test specified\\" && exit 1"}}',
])('no test command in %s', (text) => {
  expect(testCommand({}, parseManifest(text))).toEqual({ kind: 'none' });
});

test('quoting keeps a text one word', () => {
  expect(quote(`it's $HOME`)).toBe(`'it'\\''s $HOME'`);
});
