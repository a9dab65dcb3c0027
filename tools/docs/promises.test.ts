import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

// README's "What you can rely on": each line names the tests that show it, which are there, and one of the whole or that it is of a part alone.

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const WHOLE = /^(tools\/e2e|apps\/orchestrator)\//;

const text = readFileSync(join(ROOT, 'README.md'), 'utf8');
const chapter = /^## What you can rely on\n([\s\S]*?)^## /m.exec(text)?.[1] ?? '';
const lines = chapter
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| |'))
  .map((line) => line.split('|').map((cell) => cell.trim()));

/** The tests that a cell names; one without a folder lies in that of the one before it. */
function named(cell: string): string[] {
  let folder = '';
  return [...cell.matchAll(/`([^`]+\.test\.ts)`/g)].map(([, name = '']) => {
    if (name.includes('/')) folder = dirname(name);
    return name.includes('/') ? name : join(folder, name);
  });
}

test('there are lines', () => {
  expect(lines.length).toBeGreaterThan(20);
});

describe('the line', () => {
  test.each(lines)('%s "%s" names tests that are there', (_, _promise, _how, shownBy = '') => {
    const tests = named(shownBy);
    expect(tests).not.toEqual([]);
    expect(tests.filter((name) => globSync(name, { cwd: ROOT }).length === 0)).toEqual([]);
    expect(tests.some((name) => WHOLE.test(name)) || / alone: /.test(shownBy)).toBe(true);
  });
});
