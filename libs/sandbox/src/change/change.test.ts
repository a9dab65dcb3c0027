import { posix } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CHANGE_MAX_BYTES, CHANGE_MAX_PATHS, checkChange, isDotGit, type Touched } from './change.ts';

const file = (path: string, over: Partial<Touched> = {}): Touched => ({
  path,
  oldMode: '000000',
  newMode: '100644',
  link: null,
  ...over,
});
const link = (path: string, target: string | null) => file(path, { newMode: '120000', link: target });
const verdict = (touched: Touched) => checkChange({ touched: [touched], patchBytes: 1 })?.code ?? null;

test.each<[Touched, string | null]>([
  [file('a.js'), null],
  [file('.github/workflows/x.yml'), null],
  [file('.gitignore'), null],
  [file('src/.git-blame'), null],
  [file('a.git/config'), null],
  [file('näme/ü 1'), null],
  [file('a', { newMode: '000000', oldMode: '100644' }), null],
  [file('a', { newMode: '100755' }), null],
  [file('/etc/passwd'), 'bad_path'],
  [file('../a'), 'bad_path'],
  [file('a/../b'), 'bad_path'],
  [file('a//b'), 'bad_path'],
  [file('./a'), 'bad_path'],
  [file(''), 'bad_path'],
  [file('a\nb'), 'bad_path'],
  [file('a\u0000b'), 'bad_path'],
  [file('a\uFFFDb'), 'bad_path'],
  [file('x'.repeat(5_000)), 'bad_path'],
  [file('.git/config'), 'git_path'],
  [file('a/.git/config'), 'git_path'],
  [file('.GIT/config'), 'git_path'],
  [file('.Git'), 'git_path'],
  [file('.g\u200cit/config'), 'git_path'],
  [file('\ufeff.git/config'), 'git_path'],
  [file('.git./config'), 'git_path'],
  [file('.git /config'), 'git_path'],
  [file('.git::$INDEX_ALLOCATION/config'), 'git_path'],
  [file('git~1/config'), 'git_path'],
  [file('GIT~12'), 'git_path'],
  [file('a\\.git\\config'), 'git_path'],
  [file('.ｇｉｔ/config'), 'git_path'],
  [file('sub', { newMode: '160000' }), 'submodule'],
  [file('sub', { oldMode: '160000', newMode: '000000' }), 'submodule'],
  [file('dev', { newMode: '060000' }), 'bad_mode'],
  [file('dir', { newMode: '040000' }), 'bad_mode'],
  [link('l', 'a'), null],
  [link('a/b/l', '../../c'), null],
  [link('a/l', './x/y'), null],
  [link('a/l', '..'), null],
  [link('l', '..'), 'link_escapes'],
  [link('a/l', '../..'), 'link_escapes'],
  [link('l', '/etc/passwd'), 'link_escapes'],
  [link('d/e/a', 'b/../etc'), 'link_escapes'],
  [link('l', 'a\\..\\b'), 'link_escapes'],
  [link('l', '.git/config'), 'git_path'],
  [link('a/l', '../.GIT'), 'git_path'],
  [link('l', ''), 'bad_link'],
  [link('l', null), 'bad_link'],
  [link('.gitignore', 'a'), 'bad_link'],
  [link('a/.gitattributes', 'b'), 'bad_link'],
])('%o is %s', (touched, code) => {
  expect(verdict(touched)).toBe(code);
});

test('bounds are inclusive', () => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => file(`f${index}`));
  expect(checkChange({ touched: many(CHANGE_MAX_PATHS), patchBytes: CHANGE_MAX_BYTES })).toBeNull();
  expect(checkChange({ touched: many(CHANGE_MAX_PATHS + 1), patchBytes: 1 })?.code).toBe('too_many_paths');
  expect(checkChange({ touched: [], patchBytes: CHANGE_MAX_BYTES + 1 })?.code).toBe('too_large');
});

const part = fc.oneof(
  fc.constantFrom('..', '.', '', '.git', '.GIT', 'a', 'b', 'git~1', '.git.', '~', '\\', '..\\'),
  fc.string({ maxLength: 6, unit: 'grapheme' }),
);
const anyPath = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('/'));

test('a path that passes is inside the tree and outside .git, on any file system', () => {
  fc.assert(
    fc.property(anyPath, (path) => {
      if (verdict(file(path)) !== null) return;
      expect(posix.resolve('/tree', path)).toBe(`/tree/${path}`);
      expect(path.toLowerCase().split(/[/\\]/)).not.toContain('.git');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be left
      expect(path).not.toMatch(/[\u0000-\u001f]/);
    }),
    { numRuns: 2_000 },
  );
});

test('a link that passes leads inside, whatever the names on the way are links to', () => {
  fc.assert(
    fc.property(anyPath, anyPath, (path, target) => {
      if (verdict(link(path, target)) !== null) return;
      const parts = target.split('/').filter((each) => each !== '' && each !== '.');
      // Only a leading `..` remains, and it starts at a real folder of the tree.
      expect(parts.lastIndexOf('..')).toBeLessThan(Math.max(1, parts.filter((each) => each === '..').length));
      expect(posix.resolve('/tree', posix.dirname(path), target)).toMatch(/^\/tree(\/|$)/);
    }),
    { numRuns: 2_000 },
  );
});

test('no spelling of .git passes', () => {
  const ignorable = fc.constantFrom(
    '\u200c',
    '\u200d',
    '\u200e',
    '\u200f',
    '\u202a',
    '\u202e',
    '\u206a',
    '\u206f',
    '\ufeff',
    '',
  );
  const letter = (both: [string, string]) =>
    fc.tuple(fc.constantFrom(...both), ignorable).map((pair) => pair.join(''));
  const spelling = fc.tuple(
    ignorable,
    letter(['.', '.']),
    letter(['g', 'G']),
    letter(['i', 'I']),
    letter(['t', 'T']),
    fc.constantFrom('', '.', ' ', '. .', '::$INDEX_ALLOCATION', ':x'),
  );
  fc.assert(
    fc.property(spelling, (parts) => {
      expect(isDotGit(parts.join(''))).toBe(true);
    }),
  );
});
