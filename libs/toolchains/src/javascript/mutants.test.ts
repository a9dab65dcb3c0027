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
  ['what is returned', null, 'return value;\n', ['1: value … → left out']],
  ['not a function that is', null, 'return (a) => a;\n', []],
  ['a call', null, 'save(x);\nthis.log.save(x)\n', ['1: save … → left out', '2: this … → left out']],
  ['not a method', null, 'class A {\n  save(x) {\n  }\n}\n', []],
  ['an assignment', null, 'a.b = c;\nconst d = e;\n', ['1: a … → left out', '2: e … → left out']],
  ['not a field', null, 'class A {\n  a = b;\n}\n', []],
  ['lines that went', 'if (!a) throw b;\nc();\n', 'c();\n', ['1: the file as it was']],
  ['comments alone', '// a\nc();\n', '// b\nc();\n', []],
  ['a name', "import { a } from './a.js';\n", "import { b } from './a.js';\n", ['1: the file as it was']],
])('%s', (_, before, after, expected) => expect(whats(before, after)).toEqual(expected));

test('what is left out leaves a program', () => {
  for (const text of [
    'function f(a) {\n  return a.b(c)\n    .d();\n}\n',
    'save(x, () => {\n  y();\n});\nz();\n',
    'const a = b(c);\nconst d = (e) => e;\nlet g = async () => a;\n',
    'class A {\n  #x = b;\n  get c() {\n    return this.#x;\n  }\n  d(e) {\n    this.#x = e;\n    f(e);\n  }\n}\n',
    'a.b = c\nd.e = (f) => f\ng(h)\n',
  ])
    for (const mutant of mutants('a.js', null, text)) expect(() => new Function(mutant.text)).not.toThrow();
});

test('angles are left alone where they may be types or tags', () => {
  expect(whats(null, 'const a = b < c;\n')).toEqual(['1: < → >=']);
  expect(whats(null, 'const a: Map<string, b> = c;\n', 'a.ts')).toEqual(['1: c … → left out']);
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
