import { ALWAYS_PROTECTED } from '@millwright/domain';
import { describe, expect, test } from 'vitest';
import { globMatches, matchesAny } from './glob.ts';

describe('globMatches', () => {
  test.each([
    ['migrations/001.sql', 'migrations/**'],
    ['migrations/a/b/c.sql', 'migrations/**'],
    ['migrations/001.sql', 'migrations'],
    ['migrations/001.sql', 'migrations/'],
    ['migrations/001.sql', './migrations/**'],
    ['src/a.js', 'src/*.js'],
    ['a/b/src/x/y.ts', '**/src/**'],
    ['src/x.ts', '**/src/**'],
    ['a/.b/AGENTS.md', '**/AGENTS.md'],
    ['agents.MD', 'AGENTS.md'],
    ['a/b', 'a/**/b'],
    ['a/x/y/b', 'a/**/b'],
    ['docker-compose.prod.yml', 'docker-compose*.yml'],
    ['a1.js', 'a?.js'],
    ['src/auth.ts', 'src/{auth,pay}.ts'],
    ['app/[id]/page.ts', 'app/[id]/**'],
  ])('%s is under %s', (path, pattern) => {
    expect(globMatches(path, pattern)).toBe(true);
  });

  test.each([
    ['src/deep/a.js', 'src/*.js'],
    ['migrations2/001.sql', 'migrations/**'],
    ['migrations', 'migrations/*'],
    ['a/bb', 'a/?'],
    ['src/a.jsx', 'src/*.js'],
    ['x/CODEOWNERS.txt', '**/CODEOWNERS'],
    ['a/i/page.ts', 'a/[id]/page.ts'],
  ])('%s is not under %s', (path, pattern) => {
    expect(globMatches(path, pattern)).toBe(false);
  });

  test('a long pattern of stars against a long path answers (no exponential search)', () => {
    const path = `${'a'.repeat(2_000)}/${'a/'.repeat(500)}b`;
    expect(globMatches(path, `${'*a'.repeat(30)}*/${'**/a/'.repeat(30)}**/c`)).toBe(false);
  });

  test('the factory’s own files are protected wherever they lie', () => {
    for (const path of [
      'AGENTS.md',
      'pkg/.cfg/CLAUDE.md',
      '.github/workflows/ci.yml',
      'millwright.yaml',
      '.millwright/policy.cedar',
    ])
      expect(matchesAny(path, ALWAYS_PROTECTED)).toBe(true);
    expect(matchesAny('src/index.ts', ALWAYS_PROTECTED)).toBe(false);
  });
});
