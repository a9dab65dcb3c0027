import { expect, test } from 'vitest';
import { reducedNpmrc } from './npmrc.ts';

test('keeps what chooses versions and lays them out, in order', () => {
  expect(
    reducedNpmrc(
      '; ours\nlegacy-peer-deps=true\r\n  omit[] = optional \nengine-strict\n\nhoist-pattern[]=*types*\n',
    ),
  ).toBe('legacy-peer-deps=true\nomit[] = optional\nengine-strict\nhoist-pattern[]=*types*\n');
});

test.each([
  'git=./evil.sh',
  'GIT=./evil.sh',
  ' git = ./evil.sh',
  '"git"=./evil.sh',
  'git[]=./evil.sh',
  'script-shell=./evil.sh',
  'node-options=--require ./evil.js',
  'shell=./evil.sh',
  'editor=./evil.sh',
  'globalconfig=./npmrc',
  'userconfig=./npmrc',
  'prefix=/tmp',
  'cafile=/etc/passwd',
  'registry=http://elsewhere.test/',
  '@scope:registry=http://elsewhere.test/',
  '//registry.test/:_authToken=abc',
  'ignore-scripts=false',
  'pnpmfile=evil.cjs',
  ['omit=$', '{SECRET}'].join(''),
  '[section]',
  'legacy-peer-deps=true ; $(id)',
  `omit=${'a'.repeat(201)}`,
])('drops %s', (line) => {
  expect(reducedNpmrc(`${line}\n`)).toBe('');
});

test('a carriage return alone, or NUL, joins nothing that is kept with what is not', () => {
  expect(reducedNpmrc('omit=dev\rgit=./evil.sh')).toBe('');
  expect(reducedNpmrc('omit=dev\0git=./evil.sh')).toBe('');
});
