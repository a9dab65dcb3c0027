import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const files = globSync('{apps,libs,tools,bench}/**/*.test.ts', {
  cwd: ROOT,
  exclude: (name) => name.endsWith('node_modules'),
});

function packageOf(file: string): string {
  for (let at = dirname(file); ; at = dirname(at)) if (existsSync(join(ROOT, at, 'package.json'))) return at;
}

test('every test file has a target in its package that runs it', () => {
  expect(files.length).toBeGreaterThan(100);
  const unrun = files.filter((file) => {
    const { nx } = JSON.parse(readFileSync(join(ROOT, packageOf(file), 'package.json'), 'utf8')) as {
      nx?: { targets: Record<string, unknown> };
    };
    const kind = /\.(int|e2e)\.test\.ts$/.exec(file)?.[1] ?? 'unit';
    return nx?.targets[kind] === undefined;
  });
  expect(unrun).toEqual([]);
});
