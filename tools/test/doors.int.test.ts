import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

// The doors are a configuration: shown by what they refuse, in a tree of a few files with the names of ours.

const ROOT = join(import.meta.dirname, '../..');
const place = mkdtempSync(join(tmpdir(), 'millwright-doors-'));
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** The names of the rules that a tree of these files breaks. */
function broken(files: Record<string, string>): string[] {
  const tree = mkdtempSync(join(place, 'tree-'));
  const all = { 'libs/domain/src/index.ts': 'export const a = 1;\n', 'apps/cli/src/main.ts': '', ...files };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), text);
  }
  writeFileSync(join(tree, 'package.json'), '{"type":"module"}');
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  const cruise = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const { stdout } = spawnSync(
    process.execPath,
    [cruise, '--config', join(ROOT, '.dependency-cruiser.mjs'), '--output-type', 'json', 'apps', 'libs'],
    { cwd: tree, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  const { summary } = JSON.parse(stdout) as { summary: { violations: { rule: { name: string } }[] } };
  return [...new Set(summary.violations.map(({ rule }) => rule.name))].sort();
}

const at = 'apps/orchestrator/src';
test.each<[string, Record<string, string>, string]>([
  [
    'an arrow up',
    {
      [`${at}/releases/a.ts`]: "import { b } from '../http/b.ts';\nb();\n",
      [`${at}/http/b.ts`]: 'export const b = () => 1;\n',
    },
    'below releases',
  ],
  [
    'a type that points up',
    {
      [`${at}/gates/a.ts`]: "import type { B } from '../runs/b.ts';\nexport type A = B;\n",
      [`${at}/runs/b.ts`]: 'export type B = 1;\n',
    },
    'below gates',
  ],
  [
    'a circle of types',
    {
      'libs/policy/src/a.ts': "import type { B } from './b.ts';\nexport type A = B;\n",
      'libs/policy/src/b.ts': "import type { A } from './a.ts';\nexport type B = A;\n",
    },
    'no circle',
  ],
  [
    'a room behind a door that is not there',
    {
      'libs/policy/src/a.ts': "import { a } from '../../store/src/a.ts';\na();\n",
      'libs/store/src/a.ts': 'export const a = () => 1;\n',
    },
    'doors of libs/policy',
  ],
  [
    'a package of another owner',
    { 'libs/store/src/a.ts': "import postgres from 'postgres';\npostgres();\n" },
    'owner of postgres',
  ],
  [
    'input and output in a pure room',
    { 'libs/domain/src/a.ts': "import { readFileSync } from 'node:fs';\nreadFileSync('a');\n" },
    'purity of libs/domain',
  ],
  [
    'a test in code that ships',
    {
      'libs/store/src/a.ts': "import { a } from './testing/a.ts';\na();\n",
      'libs/store/src/testing/a.ts': 'export const a = () => 1;\n',
    },
    'tests are not shipped',
  ],
])('%s is refused', (_name, files, rule) => {
  expect(broken(files)).toContain(rule);
});

test('what keeps to the doors is let through', () => {
  const floors = {
    [`${at}/http/a.ts`]: "import { b } from '../releases/b.ts';\nb();\n",
    [`${at}/releases/b.ts`]: 'export const b = () => 1;\n',
  };
  expect(broken(floors)).toEqual([]);
});
