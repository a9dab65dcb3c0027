import { expect, test } from 'vitest';
import { mutants } from './mutants.ts';

const whats = (before: string | null, after: string, path = 'a.js') =>
  mutants(path, before, after).map(({ line, what }) => `${line}: ${what}`);

test.each<[string, string | null, string, string[]]>([
  ['a new comparison', 'const a = 1;\n', 'const a = 1;\nif (a === b) c();\n', ['2: === → !==']],
  ['unchanged lines are left alone', 'if (a === b) c();\n', 'if (a === b) c();\n// note\n', []],
  ['comments are no code', '', '// a === b\n/* a + b */\n', []],
  ['imports are left alone', null, "import { a } from './a.js';\nconst b = require('./b');\n", []],
  ['two a line', null, 'return a + b * c - d;\n', ['1: + → -', '1: * → /']],
  ['literals', null, "x = true; y = 'no';\n", ['1: true → false', "1: 'no' → '~no'"]],
  ['keys are no values', null, "({ 'a': b, true: c });\n", []],
  ['a regular expression', null, 'const r = /a+/.test(s);\n', ['1: /a+/ → /$^/']],
])('%s', (_, before, after, expected) => expect(whats(before, after)).toEqual(expected));

test('angles are left alone where they may be types or tags', () => {
  expect(whats(null, 'const a = b < c;\n')).toEqual(['1: < → >=']);
  expect(whats(null, 'const a: Map<string, b> = c;\n', 'a.ts')).toEqual([]);
});

test('the strongest come first: comparisons, then values, then words for people', () => {
  const after =
    "throw new Error('a long message for people');\nconst port = given ?? 8080;\nif (a > b) c();\n";
  expect(whats(null, after)).toEqual([
    '3: > → <=',
    '2: 8080 → 8081',
    '2: ?? → &&',
    "1: 'a long message for people' → '~a long message for people'",
  ]);
});

test('a mutant is the whole file with one fault', () => {
  expect(mutants('a.js', null, 'let a = 1;\nlet b = a + 2;\n').map(({ text }) => text)).toContain(
    'let a = 1;\nlet b = a - 2;\n',
  );
});
