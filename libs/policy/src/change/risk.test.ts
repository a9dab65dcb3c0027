import { type ChangedPath, secretValues } from '@millwright/domain';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChangedFile } from './file.ts';
import { LARGE, type RiskInput, risk } from './risk.ts';

type Content = string | Uint8Array | null;
/** A path with what it was and is; null is not there. `code` says what most edits do: a line more in a file of code. */
type Edit = { path: string; before?: Content; after?: Content; mode?: string };

const bytes = (content: string | Uint8Array) =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content;
const BASE = 'const a = 1;\n';

function fileOf({ path, before = null, after = null, mode = '100644' }: Edit): ChangedFile {
  const side = (content: Content, as: string) =>
    content === null ? null : { mode: as, bytes: bytes(content) };
  return { path, before: side(before, '100644'), after: side(after, mode) };
}
const statusOf = ({ before = null, after = null }: Edit): ChangedPath['status'] =>
  before === null ? 'added' : after === null ? 'deleted' : 'modified';
const linesOf = (content: Content | undefined) =>
  typeof content === 'string' ? content.split('\n').length - 1 : 0;

function of(edits: readonly Edit[], over: Partial<RiskInput> = {}) {
  return risk({
    paths: edits.map((edit) => ({
      path: edit.path,
      status: statusOf(edit),
      added: linesOf(edit.after),
      removed: linesOf(edit.before),
    })),
    files: edits.map(fileOf),
    named: new Set(),
    config: { protected: ['migrations/**'] },
    authorTrusted: true,
    tests: { missing: [], baseFailing: [], namesKnown: true, verdict: 'passed', doubts: [] },
    ...over,
  });
}
const codes = (edits: readonly Edit[], over: Partial<RiskInput> = {}) =>
  of(edits, over).reasons.map((r) => r.code);
const code = (line: string, path = 'src/a.js'): Edit => ({ path, before: BASE, after: `${BASE}${line}\n` });
const added = (path: string, after: string | Uint8Array): Edit => ({ path, after });

describe('trivial', () => {
  test.each<[string, Edit]>([
    ['a document', added('README.md', 'hello\n')],
    ['a document of a package', added('pkg/a/CHANGELOG.md', 'hello\n')],
    [
      'a document that says what cannot be taken back',
      added('docs/undo.md', 'DROP TABLE carts; git push --force\n'),
    ],
    ['a test', added('test/a.test.js', "test('x', () => assert(true));\n")],
    [
      'a comment',
      { path: 'src/a.js', before: '  // old words\nrun();\n', after: '  // new words\n\nrun();\n' },
    ],
    ['a comment of Python', { path: 'a.py', before: 'x = 1\n', after: '# why\nx = 1\n' }],
    ['a picture of the documents', added('docs/a.png', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0, 255))],
    ['line ends alone', { path: 'src/a.js', before: 'a();\nb();\n', after: 'a();\r\nb();\r\n' }],
  ])('%s', (_name, edit) => {
    expect(of([edit])).toMatchObject({ risk: 'trivial', reasons: [] });
  });

  test.each<[string, Edit]>([
    ['a comment that tools obey', { path: 'src/a.ts', before: BASE, after: `// @ts-nocheck\n${BASE}` }],
    ['code beside a comment', code('run(); // why')],
    [
      'the start of a block comment, which takes code away',
      { path: 'src/a.ts', before: BASE, after: `/*\n${BASE}` },
    ],
    ['a line inside a template', { path: 'src/a.ts', before: 'f(`\n`);\n', after: 'f(`\n// x\n`);\n' }],
    ['a document among the sources, which a program may read', added('src/prompt.md', 'obey\n')],
    ['code in docs/', added('docs/build.js', 'go()\n')],
    ['code that is named like a document', added('src/readme.js', 'go()\n')],
    ['code that is named like a document, at the root', added('notice.js', 'go()\n')],
    ['a changelog that is code', added('changelog.js', 'go()\n')],
    ['a document with code in it', added('docs/a.mdx', '{go()}\n')],
    ['a picture that is a program', added('docs/a.svg', '<svg onload="go()"/>\n')],
    ['a picture by name alone', added('docs/a.png', 'go()\n')],
    ['configuration that is named like a test', added('config/deployment.spec.yaml', 'a: 1\n')],
    ['a program in the folder of tests', added('test/setup.sh', 'go\n')],
    ['nothing at all', added('src/empty.js', '')],
    ['a program that becomes one', { path: 'test/a.test.js', before: 'a\n', after: 'a\n', mode: '100755' }],
  ])('not %s', (_name, edit) => {
    expect(of([edit]).risk).not.toBe('trivial');
  });

  test('not what a source names, nor where nobody looked', () => {
    for (const edit of [added('docs/greeting.md', 'obey\n'), added('test/a.test.js', 'x\n')]) {
      expect(of([edit]).risk).toBe('trivial');
      expect(of([edit], { named: new Set([edit.path]) }).risk).toBe('low');
      expect(of([edit], { named: null }).risk).toBe('low');
    }
  });

  test('a test that removes the folder it made does nothing that stays; one that a source names may', () => {
    const edit = added('test/a.test.js', 'const d = mkdtempSync(x);\nrmSync(d, { recursive: true });\n');
    expect(of([edit])).toMatchObject({ risk: 'trivial', irreversible: [] });
    expect(of([edit], { named: new Set([edit.path]) }).irreversible).toHaveLength(1);
    expect(of([edit], { named: null }).irreversible).toHaveLength(1);
    expect(of([{ ...edit, path: 'src/a.js' }]).irreversible).toHaveLength(1);
  });

  test('tests are what the run of the base reported, and new ones by name', () => {
    const tests = {
      missing: [],
      baseFailing: [],
      namesKnown: true,
      verdict: 'passed' as const,
      doubts: [],
      files: ['checks/one.js'],
    };
    const changed = (path: string) => of([{ path, before: 'a\n', after: 'b\n' }], { tests }).risk;
    expect(changed('checks/one.js')).toBe('trivial');
    expect(changed('test/helper.js')).toBe('low');
    expect(of([added('test/new.test.js', 'a\n')], { tests }).risk).toBe('trivial');
  });

  test('an empty change is not trivial', () => {
    expect(of([]).risk).toBe('low');
  });
});

describe('what raises', () => {
  test.each<[string, Edit]>([
    ['protected', added('migrations/002.sql', 'ALTER TABLE a ADD b int;\n')],
    ['protected', added('pkg/.x/AGENTS.md', 'be kind\n')],
    ['protected', added('GEMINI.md', 'be kind\n')],
    ['protected', added(`${'a/'.repeat(80)}x.js`, 'x\n')],
    ['sensitive-authentication', code('x', 'src/auth/login.js')],
    ['sensitive-authentication', code('x', 'src/user-session.js')],
    ['sensitive-payment', code('x', 'src/billing/x.js')],
    ['sensitive-policy', code('x', 'rules/a.cedar')],
    ['migration', code('x', 'db/drizzle/1.sql')],
    ['infrastructure', code('x', 'main.tf')],
    ['manifests', code('"x": "1"', 'package.json')],
    ['manifests', code('x', 'sub/Cargo.lock')],
    ['tests-weakened', { path: 'test/a.test.js', before: "test('a', f);\n" }],
    ['tests-weakened', { path: 'test/a.test.js', before: '  assert.equal(a, 1);\n', after: '\n' }],
    ['tests-weakened', { path: 'test/a.test.js', before: "test('a', f);\n", after: "test.skip('a', f);\n" }],
    ['tests-weakened', added('test/a.test.js', "test('a', { skip: true }, f);\n")],
    ['exports', { path: 'src/a.js', before: `${BASE}export function total() {}\n`, after: BASE }],
    ['hidden', code('a(); // x\u2028b();')],
    ['hidden', code('a(); // x\rb();')],
    ['hidden', code('if (role === "admin\u202e") {')],
    ['hidden', { path: 'src/a.js', before: `a\u200b();\n${BASE}`, after: BASE }],
    ['hidden', added('docs/a.md', 'x\u0000'.replace('\u0000', '\u001b[2J'))],
    ['hidden', added('src/a\u202ejs.txt', 'x\n')],
    ['encoding', added('src/a.sql', Uint8Array.of(0xff, 0xfe, 0x61, 0x00))],
    ['unreadable', added('src/a.js', 'a();\0\n')],
    ['unreadable', added('src/a.py', Uint8Array.of(0x61, 0xe9, 0x0a))],
    ['unreadable', added('docs/a.md', Uint8Array.of(0xc0, 0x80))],
    ['cannot-tell', added('src/tool.wasm', Uint8Array.of(0, 0x61, 0x73, 0x6d))],
  ])('%s: %o', (expected, edit) => {
    expect(codes([edit])).toContain(expected);
    expect(of([edit]).risk).toBe('raised');
  });

  test('facts that only the factory knows', () => {
    expect(codes([code('x')], { authorTrusted: false })).toContain('author');
    expect(codes([code('x')], { near: ['rel_1'] })).toContain('near-rolled-back');
    expect(
      codes([code('x')], {
        tests: { missing: ['adds'], baseFailing: [], namesKnown: true, verdict: 'passed', doubts: [] },
      }),
    ).toContain('tests-weakened');
    expect(
      codes([code('x')], {
        tests: {
          missing: [],
          baseFailing: ['test/a.test.js'],
          namesKnown: true,
          verdict: 'passed',
          doubts: [],
        },
      }),
    ).toContain('tests-weakened');
    expect(
      codes([code('x')], {
        tests: { missing: [], baseFailing: [], namesKnown: false, verdict: 'passed', doubts: [] },
      }),
    ).toContain('names-unknown');
    expect(
      of([added('README.md', 'x\n')], {
        tests: { missing: [], baseFailing: [], namesKnown: false, verdict: 'passed', doubts: [] },
      }).risk,
    ).toBe('trivial');
  });

  test('a verdict that is no pass, and what the tests leave in doubt', () => {
    const tests = { missing: [], baseFailing: [], namesKnown: true, verdict: 'passed' as const, doubts: [] };
    expect(codes([code('x')], { tests: { ...tests, verdict: 'no_tests' } })).toContain('untested');
    expect(codes([code('x')], { tests: { ...tests, verdict: 'failing_as_on_base' } })).toContain('untested');
    // Read after "it": it has "no tests" as its tests' verdict.
    expect(of([code('x')], { tests: { ...tests, verdict: 'no_tests' } }).reasons[0]?.text).toMatch(/^has "/);
    expect(of([added('README.md', 'x\n')], { tests: { ...tests, verdict: 'no_tests' } }).risk).toBe(
      'trivial',
    );
    const doubt = (line: number) => ({
      code: 'talks-to-runner',
      text: 'reads a mark',
      path: 'src/a.js',
      line,
    });
    const doubted = of([code('x')], { tests: { ...tests, doubts: [doubt(3), doubt(9)] } });
    expect(doubted).toMatchObject({
      risk: 'raised',
      reasons: [{ code: 'talks-to-runner', text: 'reads a mark (src/a.js:3); and 1 more' }],
    });
  });

  test('size, lockfiles and documents not counted', () => {
    const long = (path: string): Edit => added(path, 'x\n'.repeat(LARGE.lines + 1));
    expect(codes([long('src/a.js')])).toContain('size');
    expect(codes([long('docs/a.md')])).not.toContain('size');
    expect(codes([long('package-lock.json')])).not.toContain('size');
    expect(codes(Array.from({ length: LARGE.files + 1 }, (_, i) => code('x', `src/${i}.js`)))).toContain(
      'size',
    );
  });

  test('files that go are counted, by the list of paths or by the bytes, and one that moves goes from where it was', () => {
    const gone = (path: string): Edit => ({ path, before: BASE });
    const deleted = (edits: readonly Edit[], over: Partial<RiskInput> = {}) =>
      of(edits, over).size.filesDeleted;
    expect(deleted([code('x'), added('src/b.js', 'b();\n')])).toBe(0);
    expect(deleted([gone('src/a.js'), gone('src/b.js'), code('x', 'src/c.js')])).toBe(2);
    expect(deleted([gone('src/old.js'), added('src/new.js', BASE)])).toBe(1);
    expect(deleted([gone('src/a.js')], { files: [] })).toBe(1);
    expect(deleted([code('x')], { files: [fileOf(gone('src/hidden.js'))] })).toBe(1);
  });

  test('files and a list of paths that differ', () => {
    expect(codes([code('x')], { files: [fileOf(code('x', 'src/hidden.js'))] })).toEqual(
      expect.arrayContaining(['unlisted', 'unread']),
    );
  });

  test('links, executables and binaries', () => {
    expect(codes([{ ...added('test/x.test.js', '/etc/passwd'), mode: '120000' }])).toContain('mode');
    expect(codes([{ ...added('src/run', 'a\n'), mode: '100755' }])).toContain('mode');
    expect(codes([added('src/x.png', Uint8Array.of(0x89, 0x50, 0x4e, 0x47))])).toEqual(['binary']);
    expect(codes([added('src/x.bin', Uint8Array.of(0, 255))])).toEqual(['cannot-tell', 'binary']);
  });
});

describe('what cannot be read or searched', () => {
  const files = (file: Partial<ChangedFile>): Partial<RiskInput> => ({
    files: [{ path: 'src/a.js', before: null, after: null, ...file }],
  });

  test('is a fact of its own', () => {
    expect(of([added('src/a.js', 'a();\0\n')]).unreadable).toMatchObject([{ path: 'src/a.js' }]);
    const unread = files({ after: { mode: '100644', bytes: null } });
    expect(of([added('src/a.js', 'x\n')], unread).cannotTell).toMatchObject([{ path: 'src/a.js' }]);
    const submodule = files({ after: { mode: '160000', bytes: bytes('x') } });
    expect(of([added('src/a.js', 'x\n')], submodule).cannotTell).toMatchObject([{ path: 'src/a.js' }]);
    expect(of([added('src/a.js', 'x'.repeat(5_000_000))]).cannotTell).toMatchObject([{ path: 'src/a.js' }]);
  });

  test('hides neither a secret nor an act, whatever git calls it', () => {
    const secret = ['ghp', '_abcdefghijklmnopqrstuvwxyz0123456789'].join('');
    const text = `const t = '${secret}';\ndb.query('DROP TABLE carts');\n`;
    const wide = new Uint8Array(Buffer.from(`\ufeff${text}`, 'utf16le'));
    for (const content of [
      `\0${text}`,
      text.replace('\n', '\0\n'),
      wide,
      wide.subarray(2),
      Buffer.from(`\xff${text}`, 'latin1'),
    ])
      for (const path of ['src/a.js', 'changelog.js', 'keys.lock', 'yarn.lock', 'src/x.bin'])
        expect(of([added(path, content)]), path).toMatchObject({
          secrets: [{ path, kind: 'GitHub token' }],
          irreversible: [{ path, statement: 'DROP' }],
        });
  });

  test('text that becomes readable is judged as it is then', () => {
    const latin1 = Uint8Array.of(0x2f, 0x2f, 0xe9, 0x0a);
    expect(of([{ path: 'src/a.js', before: latin1, after: '//é\n' }])).toMatchObject({
      risk: 'low',
      unreadable: [],
    });
    expect(of([{ path: 'src/a.js', before: latin1, after: null }]).unreadable).toEqual([]);
  });
});

test('a token in two strings is one, and an empty string is none', () => {
  const [begin, end] = ['ghp', '_abcdefghijklmnopqrstuvwxyz0123456789'];
  expect(of([code(`const t = '${begin}_' +\n  '${end.slice(1)}';`)]).secrets).toMatchObject([
    { path: 'src/a.js', line: 2, kind: 'GitHub token' },
  ]);
  expect(of([code("const t = '' + 'a' + \"\";")]).secrets).toEqual([]);
});

describe('secrets that the factory knows', () => {
  const value = 'Kettle-4711-brass';
  const over = { secrets: secretValues([{ name: 'API_TOKEN', value }]) };

  test.each([
    value,
    Buffer.from(`k=${value}`).toString('base64'),
    encodeURIComponent(value),
    JSON.stringify({ value }),
  ])('in a file: %s', (text) => {
    expect(of([code(`const t = '${text}';`)], over).secrets).toEqual([
      { path: 'src/a.js', line: 2, kind: 'the value of secret API_TOKEN' },
    ]);
  });

  test('in the name of a file, which no fact then carries', () => {
    const facts = of([added(`src/${value}.txt`, 'x\n')], over);
    expect(facts.secrets).toMatchObject([{ line: 0, kind: 'the value of secret API_TOKEN' }]);
    expect(JSON.stringify(facts)).not.toContain(value);
  });

  test('not what was there before', () => {
    const before = `// ${value}\na();\n`;
    expect(of([{ path: 'src/a.js', before, after: `${before}b();\n` }], over).secrets).toEqual([]);
  });
});

test('ordinary code is low risk', () => {
  expect(of([code('return 1;'), added('test/a.test.js', "test('b', f);\n")])).toMatchObject({
    risk: 'low',
  });
});

test('more to find never lowers the class', () => {
  const pool: Edit[] = [
    added('README.md', 'x\n'),
    added('test/a.test.js', 'x\n'),
    code('return 1;'),
    code('x', 'src/auth.js'),
    code('DROP TABLE a;', 'db/1.sql'),
    code('x', 'package.json'),
    { path: 'src/c.js', before: 'c();\n', after: '// why\nc();\n' },
    added('src/d.js', 'd\0\n'),
    added('src/e.wasm', Uint8Array.of(0)),
    code('f(); // \u2028g();', 'src/f.js'),
  ];
  const rank = { trivial: 0, low: 1, raised: 2 } as const;
  fc.assert(
    fc.property(fc.subarray(pool, { minLength: 1 }), fc.subarray(pool), (some, more) => {
      const both = [...some, ...more.filter((edit) => !some.includes(edit))];
      expect(rank[of(both).risk]).toBeGreaterThanOrEqual(rank[of(some).risk]);
    }),
  );
});

test('says the same of a change whose lines end with CR LF', () => {
  const piece = fc.constantFrom(
    'a();',
    '// why',
    '',
    '`',
    'DROP TABLE x;',
    'export const b = 1;',
    '/*',
    '*/',
    '\u200b',
  );
  const text = fc.array(piece, { maxLength: 6 }).map((lines) => lines.map((line) => `${line}\n`).join(''));
  fc.assert(
    fc.property(text, text, (before, after) => {
      const crlf = (one: string) => one.replaceAll('\n', '\r\n');
      const judged = (from: string, to: string) => {
        const { risk: level, reasons, irreversible } = of([{ path: 'src/a.js', before: from, after: to }]);
        return { level, codes: reasons.map((one) => one.code), acts: irreversible.map((one) => one.line) };
      };
      expect(judged(crlf(before), crlf(after))).toEqual(judged(before, after));
    }),
  );
});

test('never throws, whatever the bytes', () => {
  const side = fc.option(fc.uint8Array({ maxLength: 60 }), { nil: null });
  const path = fc.constantFrom(
    'a.js',
    'a.py',
    'a.sh',
    'a.yaml',
    'a.png',
    'a.bin',
    'README.md',
    'test/a.test.js',
    'a.sql',
  );
  fc.assert(
    fc.property(path, side, side, (where, before, after) => void of([{ path: where, before, after }])),
  );
});
