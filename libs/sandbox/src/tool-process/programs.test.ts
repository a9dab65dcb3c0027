import { expect, test } from 'vitest';
import { programsOf } from './programs.ts';

const SHELL = '/bin/bash -c cd';
const TREE = [
  ['100', '50', '/.millwright/sh -s'],
  ['110', '100', '/bin/bash -c cd a && npm test && echo b'],
  ['111', '110', '/bin/bash -c cd a && npm test && echo b'],
  ['112', '111', 'npm test'],
  ['120', '112', '[node] <defunct>'],
  ['113', '112', 'sh -c node --test'],
];

test('a command runs what is below its shell, outermost first', () => {
  expect(programsOf(TREE, SHELL)).toEqual(['npm test', 'sh -c node --test']);
});

test('a shell that runs nothing is nothing', () => {
  expect(programsOf(TREE.slice(0, 3), SHELL)).toEqual([]);
});

test('of many the innermost are kept, each cut to a line', () => {
  const many = Array.from({ length: 20 }, (_, n) => [String(90 + n), '1', `p${n} ${'x'.repeat(300)}`]);
  const kept = programsOf([['1', '0', 'sh -s'], ...many.toReversed()], SHELL);
  expect(kept.map((one) => one.split(' ')[0])).toEqual(Array.from({ length: 8 }, (_, n) => `p${12 + n}`));
  expect(kept[0]).toHaveLength(200);
});
