import type { ChangedPath, ChangeFacts } from '@millwright/domain';
import { expect, test } from 'vitest';
import { filesByRisk, patchesOf } from './change-view.ts';

const NONE: ChangeFacts = {
  risk: 'low',
  reasons: [],
  size: { files: 0, filesDeleted: 0, added: 0, removed: 0 },
  protectedPaths: [],
  sensitivePaths: [],
  manifests: [],
  testsWeakened: [],
  irreversible: [],
  secrets: [],
  unreadable: [],
  cannotTell: [],
};
const path = (name: string, added = 1): ChangedPath => ({
  path: name,
  status: 'modified',
  added,
  removed: 0,
});
const part = (name: string, ...lines: string[]) =>
  `diff --git a/${name} b/${name}\n--- a/${name}\n+++ b/${name}\n@@ -0,0 +1,${lines.length} @@\n${lines.map((line) => `+${line}\n`).join('')}`;

test('a line that reads like a header is a line', () => {
  const tricky = part('a.js', 'x', 'diff --git a/b.js b/b.js');
  expect([...patchesOf(tricky + part('c.js', 'y')).keys()]).toEqual(['a.js', 'c.js']);
});

test('a name with unusual bytes is found by its own name', () => {
  const quoted =
    'diff --git "a/\\303\\244.js" "b/\\303\\244.js"\n--- "a/\\303\\244.js"\n+++ "b/\\303\\244.js"\n@@ -0,0 +1 @@\n+x\n';
  expect([...patchesOf(quoted).keys()]).toEqual(['ä.js']);
});

test('what cannot be taken back comes before secrets, protected paths and what is large', () => {
  const paths = [
    path('z-plain.js'),
    path('large.js', 500),
    path('key.js'),
    path('drop.sql'),
    path('guarded.js'),
  ];
  const facts = {
    ...NONE,
    protectedPaths: ['guarded.js'],
    secrets: [{ path: 'key.js', line: 1, kind: 'token' }],
    irreversible: [{ path: 'drop.sql', line: 1, statement: 'DROP' }],
  };
  const patch = paths.map((one) => part(one.path, 'x')).join('');
  expect(filesByRisk(paths, patch, facts).map((file) => file.path)).toEqual([
    'drop.sql',
    'key.js',
    'guarded.js',
    'large.js',
    'z-plain.js',
  ]);
});

test('a long file is cut at a line and says so; the files after it are still there', () => {
  const long = part('long.js', ...Array.from({ length: 20_000 }, (_, at) => `line ${at}`));
  const [first, second] = filesByRisk(
    [path('long.js', 20_000), path('z.js')],
    long + part('z.js', 'end'),
    NONE,
  );
  expect(first).toMatchObject({ path: 'long.js', cut: true });
  expect(first?.patch.endsWith('\n')).toBe(true);
  expect(second).toMatchObject({ path: 'z.js', cut: false, patch: expect.stringContaining('+end') });
});
