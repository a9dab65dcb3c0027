import { describe, expect, test } from 'vitest';
import { parsePatch } from './patch.ts';

const patch = (lines: string[], path = 'src/a.js') => {
  const before = lines.filter((l) => !l.startsWith('+')).length;
  const after = lines.filter((l) => !l.startsWith('-')).length;
  return parsePatch(
    `diff --git a/${path} b/${path}\nindex 1..2 100644\n--- a/${path}\n+++ b/${path}\n@@ -10,${before} +10,${after} @@ f()\n${lines.join('\n')}\n`,
  );
};

describe('a patch', () => {
  test('content that looks like headers stays content', () => {
    const [file, ...others] = patch(['--- a/x', '+++ b/y', '+diff --git a/z b/z']);
    expect(others).toEqual([]);
    expect(file?.path).toBe('src/a.js');
    expect(file?.hunks.flat().map((l) => `${l.kind}:${l.line}:${l.text}`)).toEqual([
      'removed:10:-- a/x',
      'added:10:++ b/y',
      'added:11:diff --git a/z b/z',
    ]);
  });

  test('names with spaces, quotes and other alphabets; changes of mode alone', () => {
    const text = [
      'diff --git "a/\\303\\274ber \\"x\\".js" "b/\\303\\274ber \\"x\\".js"',
      'new file mode 100755',
      'index 0..1',
      'diff --git a/a b.js b/a b.js',
      'old mode 100644',
      'new mode 100755',
    ].join('\n');
    expect(parsePatch(text).map((f) => [f.path, f.mode])).toEqual([
      ['über "x".js', '100755'],
      ['a b.js', '100755'],
    ]);
  });
});
