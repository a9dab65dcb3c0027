import type { ChangedPath } from '@millwright/domain';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LARGE, type RiskInput, risk } from './risk.ts';

type Edit = { path: string; removed?: string[]; added?: string[]; status?: ChangedPath['status'] };

/** A patch as `git diff --full-index` writes it. */
function patchOf(edits: readonly Edit[]): string {
  return edits
    .map(({ path, removed = [], added = [], status = 'modified' }) => {
      const from = status === 'added' ? '/dev/null' : `a/${path}`;
      const to = status === 'deleted' ? '/dev/null' : `b/${path}`;
      const mode =
        status === 'added'
          ? 'new file mode 100644\n'
          : status === 'deleted'
            ? 'deleted file mode 100644\n'
            : '';
      const body = [...removed.map((l) => `-${l}`), ...added.map((l) => `+${l}`)].join('\n');
      return `diff --git a/${path} b/${path}\n${mode}index 1..2\n--- ${from}\n+++ ${to}\n@@ -1,${removed.length} +1,${added.length} @@\n${body}\n`;
    })
    .join('');
}

function of(edits: readonly Edit[], over: Partial<RiskInput> = {}) {
  return risk({
    paths: edits.map(({ path, removed = [], added = [], status = 'modified' }) => ({
      path,
      status,
      added: added.length,
      removed: removed.length,
    })),
    patch: patchOf(edits),
    config: { protected: ['migrations/**'] },
    authorTrusted: true,
    tests: { missing: [], baseFailing: [], namesKnown: true, verdict: 'passed', doubts: [] },
    ...over,
  });
}
const codes = (edits: readonly Edit[], over: Partial<RiskInput> = {}) =>
  of(edits, over).reasons.map((r) => r.code);
const code = (line: string, path = 'src/a.js'): Edit => ({ path, added: [line] });

describe('trivial', () => {
  test.each<[string, Edit]>([
    ['a document', { path: 'README.md', added: ['hello'] }],
    ['a document of a package', { path: 'pkg/a/CHANGELOG.md', added: ['hello'] }],
    ['a test', { path: 'test/a.test.js', added: ["test('x', () => assert(true));"] }],
    ['a comment', { path: 'src/a.js', removed: ['  // old words'], added: ['  // new words', ''] }],
    ['a comment of Python', { path: 'a.py', added: ['# why'] }],
  ])('%s', (_name, edit) => {
    expect(of([edit])).toMatchObject({ risk: 'trivial', reasons: [] });
  });

  test.each<[string, Edit]>([
    ['a comment that tools obey', { path: 'src/a.ts', added: ['// @ts-nocheck'] }],
    ['a comment beside code', { path: 'src/a.ts', added: ['run(); // why'] }],
    ['the start of a block comment, which takes code away', { path: 'src/a.ts', added: ['/*'] }],
    ['a line inside a template', { path: 'src/a.ts', added: ['// x', '`'] }],
    ['an address that looks like a comment', { path: 'src/a.js', added: ['//cdn.example.net/x.js'] }],
    ['a document among the sources, which a program may read', { path: 'src/prompt.md', added: ['obey'] }],
    ['code in docs/', { path: 'docs/build.js', added: ['go()'] }],
    ['nothing at all', { path: 'src/empty.js', status: 'added' }],
  ])('not %s', (_name, edit) => {
    expect(of([edit]).risk).not.toBe('trivial');
  });

  test('an empty change is not trivial', () => {
    expect(of([]).risk).toBe('low');
  });
});

describe('what raises', () => {
  test.each<[string, Edit]>([
    ['protected', { path: 'migrations/002.sql', added: ['ALTER TABLE a ADD b int;'] }],
    ['protected', { path: 'pkg/.x/AGENTS.md', added: ['be kind'] }],
    ['sensitive-authentication', code('x', 'src/auth/login.js')],
    ['sensitive-authentication', code('x', 'src/user-session.js')],
    ['sensitive-payment', code('x', 'src/billing/x.js')],
    ['sensitive-policy', code('x', 'rules/a.cedar')],
    ['migration', code('x', 'db/drizzle/1.sql')],
    ['infrastructure', code('x', 'main.tf')],
    ['manifests', code('"x": "1"', 'package.json')],
    ['manifests', code('x', 'sub/Cargo.lock')],
    ['tests-weakened', { path: 'test/a.test.js', status: 'deleted', removed: ["test('a', f);"] }],
    ['tests-weakened', { path: 'test/a.test.js', removed: ['  assert.equal(a, 1);'] }],
    ['tests-weakened', { path: 'test/a.test.js', removed: ["test('a', f);"], added: ["test.skip('a', f);"] }],
    ['tests-weakened', { path: 'test/a.test.js', added: ["test('a', { skip: true }, f);"] }],
    ['exports', { path: 'src/a.js', removed: ['export function total() {}'] }],
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
      of([{ path: 'README.md', added: ['x'] }], {
        tests: { missing: [], baseFailing: [], namesKnown: false, verdict: 'passed', doubts: [] },
      }).risk,
    ).toBe('trivial');
  });

  test('a verdict that is no pass, and what the tests leave in doubt', () => {
    const tests = { missing: [], baseFailing: [], namesKnown: true, verdict: 'passed' as const, doubts: [] };
    expect(codes([code('x')], { tests: { ...tests, verdict: 'no_tests' } })).toContain('untested');
    expect(codes([code('x')], { tests: { ...tests, verdict: 'failing_as_on_base' } })).toContain('untested');
    const readme = [{ path: 'README.md', added: ['x'] }];
    expect(of(readme, { tests: { ...tests, verdict: 'no_tests' } }).risk).toBe('trivial');
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
    const long = (path: string): Edit => ({
      path,
      added: Array.from({ length: LARGE.lines + 1 }, () => 'x'),
    });
    expect(codes([long('src/a.js')])).toContain('size');
    expect(codes([long('docs/a.md')])).not.toContain('size');
    expect(codes([long('package-lock.json')])).not.toContain('size');
    expect(codes(Array.from({ length: LARGE.files + 1 }, (_, i) => code('x', `src/${i}.js`)))).toContain(
      'size',
    );
  });

  test('a patch and a list of paths that differ', () => {
    const patch = patchOf([code('x', 'src/hidden.js')]);
    expect(codes([code('x')], { patch })).toEqual(expect.arrayContaining(['unlisted', 'unread']));
  });

  test('links, executables and binaries', () => {
    const paths: ChangedPath[] = [{ path: 'test/x.test.js', status: 'added', added: 1, removed: 0 }];
    const link =
      'diff --git a/test/x.test.js b/test/x.test.js\nnew file mode 120000\nindex 0..1\n--- /dev/null\n+++ b/test/x.test.js\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n';
    expect(of([], { paths, patch: link }).reasons.map((r) => r.code)).toContain('mode');
    const binary =
      'diff --git a/src/x.bin b/src/x.bin\nnew file mode 100644\nindex 0..1\nGIT binary patch\nliteral 3\nKcmZQz\n';
    expect(
      of([], {
        paths: [{ path: 'src/x.bin', status: 'added', added: 0, removed: 0 }],
        patch: binary,
      }).reasons.map((r) => r.code),
    ).toEqual(['binary']);
  });
});

test('ordinary code is low risk', () => {
  expect(of([code('return 1;'), { path: 'test/a.test.js', added: ["test('b', f);"] }])).toMatchObject({
    risk: 'low',
  });
});

test('more to find never lowers the class', () => {
  const pool: Edit[] = [
    { path: 'README.md', added: ['x'] },
    { path: 'test/a.test.js', added: ['x'] },
    code('return 1;'),
    code('x', 'src/auth.js'),
    code('DROP TABLE a;', 'db/1.sql'),
    code('x', 'package.json'),
    { path: 'src/c.js', added: ['// why'] },
  ];
  const rank = { trivial: 0, low: 1, raised: 2 } as const;
  fc.assert(
    fc.property(fc.subarray(pool, { minLength: 1 }), fc.subarray(pool), (some, more) => {
      const both = [...some, ...more.filter((edit) => !some.includes(edit))];
      expect(rank[of(both).risk]).toBeGreaterThanOrEqual(rank[of(some).risk]);
    }),
  );
});
