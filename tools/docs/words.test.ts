import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

// One word a thing: what these were called once is written nowhere any more.

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** A word that has gone, and the one in its place. */
const GONE: Readonly<Record<string, RegExp>> = {
  'lease, or test bed': /\blanes?\b/i,
  rollback: /\bway back\b/i,
  demoted: /\bfallen\b/i,
  'parent watchdog': /\btether/i,
  subscription: /\b(Pump|Bell|Desk)\b/,
  'read model': /\bWorld\b/,
  'forge, tracker, chat': /\bconnectors?\b/i,
  unit: /\btenants?\b/i,
  'a page of docs/': /\bCONTRACT\b/,
};
const WHERE = [
  'apps/*/src/**/*.ts',
  'libs/*/src/**/*.ts',
  'tools/**/*.ts',
  'bench/**/*.ts',
  'docs/**/*.md',
  '*.md',
];
/** What was decided once, in the words of then; and this file. */
const KEPT = ['docs/decisions/0005-views-in-memory.md', 'tools/docs/words.test.ts'];

test('no word that has gone is written', () => {
  const files = WHERE.flatMap((pattern) =>
    globSync(pattern, { cwd: ROOT, exclude: ['**/node_modules/**', '**/.types/**'] }),
  ).filter((path) => !KEPT.includes(path));
  expect(files.length).toBeGreaterThan(700);
  const found = files.flatMap((path) => {
    const text = readFileSync(join(ROOT, path), 'utf8');
    return Object.entries(GONE).flatMap(([instead, word]) => {
      const said = word.exec(text)?.[0];
      return said === undefined ? [] : [`${path}: "${said}" is now ${instead}`];
    });
  });
  expect(found).toEqual([]);
});
