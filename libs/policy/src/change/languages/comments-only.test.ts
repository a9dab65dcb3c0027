import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { onlyCommentsDiffer } from './comments-only.ts';
import { isProse } from './prose.ts';

const lines = (...all: string[]) => `${all.join('\n')}\n`;

describe('only comments differ', () => {
  test.each<[path: string, before: string, after: string]>([
    ['a.js', 'run(); // old words\n', 'run(); // new words\n'],
    ['a.js', 'a();\nb();\n', '// Why first a.\na();\n\n/* and\n * then b */\nb();\n'],
    ['a.mjs', 'const a = b / c; // x\n', 'const a = b / c;\n'],
    ['a.cjs', 'if (a) b = c / d;\n', 'if (a) b = c / d; // see above\n'],
    ['a.js', 'const r = /\\/\\/ no comment/;\n', 'const r = /\\/\\/ no comment/; // a comment\n'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a source
    ['a.js', 'const t = `// ${a /* x */}`;\n', 'const t = `// ${a /* y */}`;\n'],
    ['a.js', 'a();\r\nb();\r\n', '// words\r\na();\r\nb();\r\n'],
    ['a.js', 'a();\nb();\n', 'a();\r\nb();\r\n'],
    ['a.ts', 'const a = <T,>(b: Array<T>): T => b[0]!; // x\n', 'const a = <T,>(b: Array<T>): T => b[0]!;\n'],
    ['a.ts', '@Injectable()\nclass A {}\n', '// Made once.\n@Injectable()\nclass A {}\n'],
    ['a.py', 'x = 1\n', '# why\nx = 1  # and so\n'],
    ['a.py', 'x = """\n# text\n"""\n', 'x = """\n# text\n"""  # a comment\n'],
    ['a.py', 'def f():\n    return f"{a}"\n', 'def f():\n    # the answer\n    return f"{a}"\n'],
    ['a.py', '#!/usr/bin/env python3\nx = 1\n', '#!/usr/bin/env python3\n# words\nx = 1\n'],
    [
      'a.sh',
      '#!/bin/sh\nset -e\necho "$(date "+%s")"\n',
      '#!/bin/sh\n# Stops at once.\nset -e\necho "$(date "+%s")"\n',
    ],
    ['a.yaml', 'a: 1\nb: |\n  # text\n', 'a: 1 # one\n# words\nb: |\n  # text\n'],
  ])('%s: %j and %j', (path, before, after) => {
    expect(onlyCommentsDiffer(path, before, after)).toBe(true);
    expect(onlyCommentsDiffer(path, after, before)).toBe(true);
  });
});

describe('is not proven', () => {
  test.each<[name: string, path: string, before: string, after: string]>([
    ['a line separator ends a comment', 'a.js', 'a();\n', '// note\u2028evil();\na();\n'],
    ['a carriage return ends a comment', 'a.js', 'a();\n', '// note\revil();\na();\n'],
    ['a carriage return ends a comment of Python', 'a.py', 'a()\n', '# note\revil()\na()\n'],
    ['a form feed in a comment', 'a.py', 'a()\n', '# note\fevil()\na()\n'],
    ['a next line in a comment', 'a.js', 'a();\n', '// note\u0085evil();\na();\n'],
    ['a line in a template', 'a.js', 'f(`\n`);\n', 'f(`\n// x\n`);\n'],
    ['a line in a here-document', 'a.sh', 'cat <<E\nE\n', 'cat <<E\n# x\nE\n'],
    ['a line in a quoted text of a shell', 'a.sh', "psql -c '\n'\n", "psql -c '\n# x\n'\n"],
    [
      'a line in a docstring',
      'a.py',
      'def f():\n    """\n    """\n',
      'def f():\n    """\n    # x\n    """\n',
    ],
    ['a line in a block scalar', 'a.yaml', 'run: |\n  a\n', 'run: |\n  # x\n  a\n'],
    ['a comment that takes code away', 'a.js', 'a();\nb();\n', '/*\na();\n*/\nb();\n'],
    ['a comment between return and its value', 'a.js', 'return a;\n', 'return /*\n*/ a;\n'],
    ['an HTML comment', 'a.js', 'a();\n', 'a();\n<!-- evil\n'],
    ['the end of an HTML comment', 'a.js', 'a();\n', 'a();\n--> evil\n'],
    ['text of JSX', 'a.js', 'f(<p>a</p>);\n', 'f(<p>a // b\n</p>);\n'],
    ['a file of JSX', 'a.jsx', 'a();\n', '// b\na();\n'],
    ['a slash behind await', 'a.js', 'await / a /* b */ / c;\n', 'await / a /* d */ / c;\n'],
    ['a slash behind a bracket', 'a.js', 'if (a) /b/* c */;\n', 'if (a) /b/* d */;\n'],
    ['a slash behind a mark', 'a.ts', 'a! / b // c /\n', 'a! / b // d /\n'],
    ['an unknown language', 'a.rb', 'a\n', '# b\na\n'],
    ['no extension', 'script', 'a\n', '# b\na\n'],
    ['a directive', 'a.ts', 'a();\n', '// @ts-nocheck\na();\n'],
    ['a directive that goes', 'a.js', '// eslint-disable-next-line\na();\n', 'a();\n'],
    ['a directive at the end of a line', 'a.py', 'a()\n', 'a()  # noqa\n'],
    ['an encoding', 'a.py', 'a()\n', '# coding: utf-7\na()\n'],
    ['a comment before the program’s line', 'a.sh', '#!/bin/sh\na\n', '# x\n#!/bin/sh\na\n'],
    ['a program’s line', 'a.py', 'a()\n', '#!/usr/bin/evil\na()\n'],
    ['a comment behind a continued line', 'a.py', 'a = 1 + \\\n2\n', 'a = 1 + \\\n# x\n2\n'],
    ['a continued line of a shell', 'a.sh', 'a \\\nb\n', 'a \\\n# x\nb\n'],
    [
      'a script that reads itself',
      'a.sh',
      'grep "^# run" "$0" | sh\n',
      '# run things\ngrep "^# run" "$0" | sh\n',
    ],
    ['carriage returns of a shell', 'a.sh', 'a\nb\n', 'a\r\nb\r\n'],
    ['quotes inside of a formatted string', 'a.py', 'f"{a["b"]}"\n', 'f"{a["b"]}" # x\n'],
    ['white space that is meaning', 'a.py', 'if a:\n    b()\nc()\n', 'if a:\n    b()\n    c()\n'],
    ['a key moved under another', 'a.yaml', 'a:\n  b:\nc: 1\n', 'a:\n  b:\n  c: 1\n'],
    ['quotes of a scalar', 'a.yaml', 'a: no\n', 'a: "no"\n'],
    ['a comment that is not one', 'a.yaml', 'a: b\n', 'a: b#c\n'],
    ['the first line that cloud-init reads', 'a.yaml', 'a: 1\n', '#cloud-config\na: 1\n'],
    ['a template in a comment', 'a.yaml', 'a: 1\n', '# {{ include "evil" }}\na: 1\n'],
    ['broken YAML', 'a.yaml', 'a: [\n', '# x\na: [\n'],
    ['something that does not end', 'a.js', 'a("\n', '// x\na("\n'],
    ['nothing that can be read', 'a.js', 'a(\u0000)\n', '// x\na(\u0000)\n'],
  ])('%s', (_name, path, before, after) => {
    expect(onlyCommentsDiffer(path, before, after)).toBe(false);
    expect(onlyCommentsDiffer(path, after, before)).toBe(false);
  });

  test('aliases that multiply, and nesting without end', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefghi'.split('').map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefgh'[i]}`)}]`),
    ];
    expect(onlyCommentsDiffer('a.yaml', lines(...bomb), lines('# x', ...bomb))).toBe(false);
    const deep = '['.repeat(50_000);
    expect(onlyCommentsDiffer('a.yaml', deep, `# x\n${deep}`)).toBe(false);
  });
});

describe('prose', () => {
  test.each([
    'why',
    'old words',
    'Sorted first -- then cut to well-known names.',
    'Returns null where none is there: see `find`.',
    'TODO: mend',
    "It's 50 % of a/b (or so)",
    '',
  ])('%s', (text) => expect(isProse(text)).toBe(true));
  test.each([
    'noqa',
    'nosec',
    'type: ignore',
    'pragma: no cover',
    'istanbul ignore next',
    'prettier-ignore',
    '@ts-ignore',
    '#__PURE__',
    '__PURE__',
    'fmt: off',
    'global window',
    '# sourceMappingURL=evil.js',
    '! license',
    'tool ignore',
    '-*- mode -*-',
    'SBATCH --exclusive',
    'SBATCH -N 4',
    'SBATCH hetjob',
    'BSUB -x',
    'tool --flag',
    'tool +x',
  ])('not %s', (text) => expect(isProse(text)).toBe(false));
});

const PIECES = [
  "'",
  '"',
  '`',
  '${',
  '}',
  '{',
  '(',
  ')',
  '/',
  '//',
  '/*',
  '*/',
  '\n',
  '\\',
  'a',
  ' ',
  '#',
  '"""',
  'f"',
  '<<',
  '$(',
  '=',
  ';',
  '\r\n',
  '- ',
  ': ',
  '|',
  '&a ',
  '*a ',
  '[',
  ']',
];
const source = fc.array(fc.constantFrom(...PIECES), { maxLength: 30 }).map((pieces) => pieces.join(''));
const path = fc.constantFrom('a.js', 'a.ts', 'a.py', 'a.sh', 'a.yaml');

test('never throws, and is the same both ways', () => {
  fc.assert(
    fc.property(path, source, source, (where, a, b) => {
      expect(onlyCommentsDiffer(where, a, b)).toBe(onlyCommentsDiffer(where, b, a));
    }),
    { numRuns: 2_000 },
  );
});

test('says the same of a source whose lines end otherwise', () => {
  fc.assert(
    fc.property(fc.constantFrom('a.js', 'a.ts', 'a.py'), source, source, (where, a, b) => {
      const [lf, crlf] = [a, b]
        .map((text) => text.replaceAll('\r\n', '\n'))
        .map((text) => [text, text.replaceAll('\n', '\r\n')]);
      expect(onlyCommentsDiffer(where, lf?.[1] ?? '', crlf?.[1] ?? '')).toBe(
        onlyCommentsDiffer(where, lf?.[0] ?? '', crlf?.[0] ?? ''),
      );
    }),
  );
});

test('what JavaScript itself runs is the same wherever only comments differ', () => {
  /** A body's own value, or how it fails: what comments cannot change. */
  const value = (body: string): unknown => {
    try {
      return String(new Function('a', 'b', body)(1, 2));
    } catch (error) {
      return error instanceof SyntaxError ? 'no program' : 'fails';
    }
  };
  const piece = fc.constantFrom(
    "'",
    '`',
    '${',
    '}',
    '{',
    '(',
    ')',
    '/',
    '//',
    '/*',
    '*/',
    '\n',
    'a',
    ' ',
    'return ',
    '=',
    ';',
    '+',
    'b',
    '1',
    'if(',
    '++',
  );
  const body = fc.array(piece, { maxLength: 12 });
  const comment = fc.constantFrom('// x\n', '/* x */', '\n', '/* x\n */', ' ', '// `\n', "/* ' */");
  fc.assert(
    fc.property(body, comment, fc.nat(12), (pieces, words, at) => {
      const before = pieces.join('');
      const after = [...pieces.slice(0, at), words, ...pieces.slice(at)].join('');
      if (onlyCommentsDiffer('a.js', before, after)) expect(value(after)).toBe(value(before));
    }),
    { numRuns: 20_000 },
  );
});

test('a megabyte of half a construct is read in one go', () => {
  for (const half of ['/*', '`${', 'a/', ')/', '"', "f'", '$(', '#', '[', '\\', '**'])
    for (const where of ['a.js', 'a.ts', 'a.py', 'a.sh', 'a.yaml']) {
      const long = half.repeat(Math.floor(100_000 / half.length));
      expect(typeof onlyCommentsDiffer(where, long, `${long}\n`)).toBe('boolean');
    }
});
