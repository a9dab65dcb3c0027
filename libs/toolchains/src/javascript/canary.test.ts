import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { carrying, failing, makeCanary, speaking } from './canary.ts';

let n = 0;
const random = () => `q${String(n++).padStart(12, '0')}`;
const FILE = `#!/usr/bin/env node
'use strict';
const test = require('node:test');
test('one', () => {});

test('two', () => {});
`;

test.each(['node', 'mocha', 'jest'])('no line of a file that carries canaries moves: %s', (runner) => {
  for (const place of ['around', 'after'] as const) {
    const canary = makeCanary({ file: 'test/a.js', runner, place }, random);
    const lines = carrying(FILE, canary, '/workspace').split('\n');
    for (const [index, line] of FILE.trimEnd().split('\n').entries()) expect(lines[index]).toContain(line);
    for (const { title } of canary.marks) expect(lines.join('\n')).toContain(title);
  }
});

test('canaries stand before, between and behind, each kind among those behind', () => {
  const canary = makeCanary({ file: 'test/a.js', runner: 'node', place: 'around' }, random);
  expect(
    canary.marks
      .slice(-4)
      .map(({ kind }) => kind)
      .sort(),
  ).toEqual(['assert', 'pass', 'reject', 'throw']);
  const lines = carrying(FILE, canary, '/workspace').split('\n');
  const where = canary.marks.map(({ title }) => lines.findIndex((line) => line.includes(title)));
  expect(where.slice(0, 3)).toEqual([1, 3, 5]);
  expect(new Set(where.slice(3))).toEqual(new Set([7]));
});

test('what registers nothing is left as it does: the text runs without a runner', () => {
  const canary = makeCanary({ file: 'test/a.js', runner: 'jest', place: 'around' }, random);
  const seen: string[] = [];
  const sandbox = { said: (text: string) => seen.push(text) };
  runInNewContext(carrying("said('a');\n", canary, '/workspace'), sandbox);
  expect(seen).toEqual(['a']);
  expect(() => runInNewContext(failing('1;', 'the proof'), {})).toThrow('the proof');
});

test.each<[string, string[], boolean]>([
  ['.millwright-checks/a.cjs', [], true],
  ['.millwright-checks/a.ts', ['node .millwright-checks/a.ts'], true],
  ['.millwright-checks/a.ts', ['npx tsx .millwright-checks/a.ts'], true],
  // Compiled as it stands: nothing of ours may be in it.
  ['.millwright-checks/a.ts', ['npx tsc --noEmit .millwright-checks/a.ts'], false],
  ['.millwright-checks/a.ts', ['node_modules/.bin/tsc --noEmit .millwright-checks/a.ts'], false],
  // Whatever else may load it.
  ['.millwright-checks/a.ts', ['node .millwright-checks/b.ts'], true],
  ['.millwright-checks/a.test.ts', ['npx vitest run .millwright-checks/a.test.ts'], true],
  ['.millwright-checks/a.ts', ['npx tsc .millwright-checks/a.ts && node .millwright-checks/a.js'], true],
  ['.millwright-checks/a.ts', ['npx tsc .millwright-checks/a.ts', 'npx jest .millwright-checks/a.ts'], true],
])('%s says its word unless it is only compiled: %j', (name, commands, speaks) => {
  expect(speaking(name, 'export {};', '/tmp/x', commands) !== null).toBe(speaks);
});
