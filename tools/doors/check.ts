// The boundary check: `node tools/doors/check.ts [ROOT]`. One line a violation, exit 1 where there is any.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { judgeFile, judgeManifest, type Manifest, roomOf, type Violation } from './judge.ts';
import { DOORS } from './rules.ts';

const TOP = ['apps', 'libs', 'tools', 'bench'];
const SOURCE = /\.(?:ts|mts|mjs|js)$/;
const NOT_OURS = new Set(['node_modules', 'fixtures']);

/** Every source file below the top folders, sorted; paths from the root. */
export function sources(root: string): readonly string[] {
  const found: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      if (entry.name.startsWith('.') || NOT_OURS.has(entry.name)) continue;
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (SOURCE.test(entry.name)) found.push(path);
    }
  };
  for (const folder of TOP) if (existsSync(join(root, folder))) walk(folder);
  return found.sort();
}

/** A room's declarations; a room without a package.json declares nothing. @throws where it is not JSON */
function readManifest(root: string, room: string): Manifest {
  const path = join(root, room, 'package.json');
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '{}';
  const parsed: unknown = JSON.parse(text);
  const lines = text.split('\n');
  const names = (key: string): ReadonlyMap<string, number> => {
    const section = typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : [];
    const value: unknown = section.find(([name]) => name === key)?.[1];
    if (typeof value !== 'object' || value === null) return new Map();
    return new Map(
      Object.keys(value).map((name) => [name, lines.findIndex((line) => line.includes(`"${name}"`)) + 1]),
    );
  };
  return { dependencies: names('dependencies'), devDependencies: names('devDependencies') };
}

/** Everything that breaks a rule below `root`, and how many files were read. */
function check(root: string): { readonly violations: readonly Violation[]; readonly files: number } {
  const rooms = Object.keys(DOORS).filter((room) => existsSync(join(root, room)));
  const manifests = new Map(rooms.map((room) => [room, readManifest(root, room)]));
  const none: Manifest = { dependencies: new Map(), devDependencies: new Map() };
  const files = sources(root);
  const violations = [
    ...[...manifests].flatMap(([room, manifest]) => judgeManifest(room, manifest)),
    ...files.flatMap((path) =>
      judgeFile(
        { path, text: readFileSync(join(root, path), 'utf8') },
        manifests.get(roomOf(path) ?? '') ?? none,
      ),
    ),
  ];
  return { violations, files: files.length };
}

if (import.meta.main) {
  const root = process.argv[2] ?? dirname(dirname(dirname(fileURLToPath(import.meta.url))));
  const { violations, files } = check(root);
  for (const { path, line, what } of violations) console.log(`${path}:${line} ${what}`);
  console.log(
    violations.length === 0
      ? `${files} files keep to the doors`
      : `${violations.length} broken in ${files} files`,
  );
  process.exitCode = violations.length === 0 ? 0 : 1;
}
