import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { importsOf, withoutProse } from './imports.ts';

const specifiers = (source: string): readonly string[] => importsOf(source).map((one) => one.specifier);

describe('importsOf', () => {
  it.each([
    ["import { a } from 'x';", 'x'],
    ["import type { A } from 'x';", 'x'],
    ['import a, { type B } from "x";', 'x'],
    ["import * as all from 'x';", 'x'],
    ["import 'x';", 'x'],
    ["export * from 'x';", 'x'],
    ["export type { A } from 'x';", 'x'],
    ["const a = await import('x');", 'x'],
    ["const a = require('x');", 'x'],
    ["type A = import('x').A;", 'x'],
    ["const a = import.meta.resolve('x');", 'x'],
    ["import {\n  a,\n  b,\n} from 'x';", 'x'],
    [`const a = \`\${await import('x')}\`;`, 'x'],
    ["const quote = /['\"`]/;\nimport { a } from 'x';", 'x'],
    [`const a = \`\${\`\${1}\`}\`;\nimport { a } from "x";`, 'x'],
  ])('sees %j', (source, expected) => {
    expect(specifiers(source)).toEqual([expected]);
  });

  it.each([
    "// import { a } from 'x';",
    "/* import 'x'; */",
    "const a = `import 'x'`;",
    'const a = "import { a } from \'x\'";',
    "const from = 'x';",
    "const exported = { from: 'x' };",
    "export const a = 'x';",
    "important('x');",
    `const a = \`\${'\`'} import 'x'\`;`,
  ])('sees none in %j', (source) => {
    expect(specifiers(source)).toEqual([]);
  });

  it("gives the specifier's own line", () => {
    expect(importsOf("// one\nimport {\n  a,\n} from 'x';\nimport 'y';")).toEqual([
      { specifier: 'x', line: 4 },
      { specifier: 'y', line: 5 },
    ]);
  });
});

describe('withoutProse', () => {
  it('keeps every place where it was, whatever the source', () => {
    const piece = fc.constantFrom(
      "'",
      '"',
      '`',
      '${',
      '}',
      '{',
      '/',
      '//',
      '/*',
      '*/',
      '\n',
      '\\',
      'a',
      ' ',
      '(',
      '=',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const source = pieces.join('');
        const code = withoutProse(source);
        expect(code).toHaveLength(source.length);
        expect(code.split('\n')).toHaveLength(source.split('\n').length);
      }),
    );
  });
});
