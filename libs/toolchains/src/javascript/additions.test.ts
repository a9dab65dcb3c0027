import { expect, test } from 'vitest';
import { independent } from './additions.ts';

const both: [string, string, string, string, string][] = [
  [
    'imports',
    'src/a.js',
    "import fs from 'fs';\n",
    "import { a } from './a.js';\n",
    "import b, { c as d } from './b.js';\n",
  ],
  [
    'functions',
    'src/a.js',
    'let n;\n',
    'export function a(x) {\n  return x;\n}\n',
    '\nasync function b() {\n  n += 1;\n}\n',
  ],
  ['constants', 'src/a.ts', '', 'const a: number =\n  1;\n', 'export const { b, c } = require("x");\n'],
  [
    'exports of CommonJS',
    'src/a.cjs',
    'exports.x = 1;\n',
    'exports.a = (x) => x;\n',
    'exports.b = (x) => {\n  return -x;\n};\n',
  ],
  [
    'types',
    'src/a.ts',
    'export type X = 1;\n',
    'export type A = { a: string };\n',
    'export interface B {\n  b: number;\n}\n',
  ],
  [
    'members of a class',
    'src/a.js',
    'class X extends Y {\n  one() { return 1; }\n',
    '  two() {\n    return 2;\n  }\n',
    '  static three = 3;\n',
  ],
  [
    'keys of an object',
    'src/a.js',
    'const x = {\n  one: 1,\n',
    '  two: { a: 1 },\n',
    "  'three'(a, b) {},\n",
  ],
  ['entries of a list', 'src/a.js', "module.exports = [\n  'one',\n", "  'two',\n", '  { three: 3 },\n'],
  [
    'tests of a file',
    'test/a.test.js',
    "test('x', () => {});\n",
    "\ntest('a', () => {\n  ok(1);\n});\n",
    "\ntest.skip('b', async () => {});\n",
  ],
  [
    'tests of a suite',
    'test/a.test.js',
    "describe('x', () => {\n  it('y', () => {});\n",
    "  it('a', () => {\n    ok();\n  });\n",
    "\n  it('b', () => {\n    ok();\n  });\n",
  ],
];
test.each(both)('%s stand in whichever order', (_, path, before, ours, theirs) => {
  expect(independent(path, before, ours, theirs)).toBe(true);
  expect(independent(path, before, theirs, ours)).toBe(true);
});

const one = 'const a = 1;\n';
test.each<[string, string, string, string, string]>([
  ['the same name', 'src/a.js', '', 'function a() {}\n', one],
  ['the same import', 'src/a.js', '', "import { a } from 'x';\n", "import { a } from 'y';\n"],
  ['the same title', 'test/a.test.js', '', "test('a', () => {});\n", "it('a', () => {});\n"],
  ['the same key', 'src/a.js', 'x = {\n', '  a: 1,\n', "  'a': 2,\n"],
  ['a call', 'src/a.js', '', one, 'run();\n'],
  ['a test where there are none', 'src/a.js', '', one, "test('a', () => {});\n"],
  ['what prepares tests', 'test/a.test.js', '', "test('a', () => {});\n", 'beforeEach(() => {});\n'],
  ['a return', 'src/a.js', 'function f() {\n', one, '  return 2;\n'],
  ['a condition', 'src/a.js', 'function f(x) {\n', one, '  if (x) {\n    x = 1;\n  }\n'],
  ['a variable that may change', 'src/a.js', '', one, 'let b = 1;\n'],
  ['an import for its effect', 'src/a.js', '', one, "import './b.js';\n"],
  ['all names of another', 'src/a.js', '', one, "export * from './b.js';\n"],
  ['half of something', 'src/a.js', '', one, '}\nfunction b() {\n'],
  ['an open comment', 'src/a.js', '', one, '/* const b = 1;\n'],
  ['comments alone', 'src/a.js', '', one, '// b\n'],
  ['the inside of a comment', 'src/a.js', '/* x\n', one, 'const b = 1;\n'],
  ['the inside of a text', 'src/a.js', 'const x = `\n', one, 'const b = 1;\n'],
  ['a list whose last has no comma', 'src/a.js', 'x = [\n  1,\n', '  2\n', '  3,\n'],
  ['behind an entry without one', 'src/a.js', 'x = [\n  1\n', '  2,\n', '  3,\n'],
  ['arguments', 'src/a.js', 'f(\n  1,\n', '  2,\n', '  3,\n'],
  ['cases', 'src/a.js', 'switch (x) {\n', '  case 1:\n    break;\n', '  case 2:\n    break;\n'],
  ['spread keys', 'src/a.js', 'x = {\n', '  a: 1,\n', '  ...b,\n'],
  ['another language', 'src/a.py', '', 'a = 1\n', 'b = 2\n'],
  ['a manifest', 'package.json', '{\n', '  "a": 1,\n', '  "b": 2,\n'],
])('%s: only one knows', (_, path, before, ours, theirs) => {
  expect(independent(path, before, ours, theirs)).toBe(false);
  expect(independent(path, before, theirs, ours)).toBe(false);
});
