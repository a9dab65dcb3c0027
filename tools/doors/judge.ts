import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import { importsOf, withoutProse } from './imports.ts';
import { DOORS, FORBIDDEN_FOLDERS, NOT_SHIPPED, OWNERS, PURE, TEST_DOUBLES } from './rules.ts';

/** A file of the repository: its path from the root with `/`, and its text. */
export type SourceFile = { readonly path: string; readonly text: string };

/** What a room's package.json declares. `names` of packages, with the line each stands on. */
export type Manifest = {
  readonly dependencies: ReadonlyMap<string, number>;
  readonly devDependencies: ReadonlyMap<string, number>;
};

/** A broken rule, at a line from 1. `what` reads after the place: `imports pg: …`. */
export type Violation = { readonly path: string; readonly line: number; readonly what: string };

/** The room a path lies in: the longest folder of the doors' table above it, or null. */
export function roomOf(path: string): string | null {
  const rooms = Object.keys(DOORS).filter((room) => path === room || path.startsWith(`${room}/`));
  return rooms.sort((a, b) => b.length - a.length)[0] ?? null;
}

/** Tests and what only tests use: neither is reached from code that ships. */
export function isTestFile(path: string): boolean {
  return /\.test\.m?ts$/.test(path) || path.split('/').includes('testing');
}

/**
 * Judges one source file against doors, owners, purity and the rules for files.
 * @param manifest of the file's room
 */
export function judgeFile(file: SourceFile, manifest: Manifest): readonly Violation[] {
  const room = roomOf(file.path);
  const found: Violation[] = [...judgeShape(file)];
  if (room === null) {
    found.push({ path: file.path, line: 1, what: 'lies in no room; allowed: a folder of the doors table' });
    return found;
  }
  for (const { specifier, line } of importsOf(file.text)) {
    const what = judgeImport(file.path, room, specifier, manifest);
    if (what !== null) found.push({ path: file.path, line, what: `imports ${specifier}: ${what}` });
  }
  return found;
}

function judgeImport(path: string, room: string, specifier: string, manifest: Manifest): string | null {
  if (specifier.startsWith('.')) return judgeRelative(path, room, specifier);
  // A package's own `imports`.
  if (specifier.startsWith('#')) return null;
  if (isBuiltin(specifier)) return judgePurity(path, specifier);
  if (specifier.startsWith('@millwright/')) {
    return judgeDoor(path, room, specifier) ?? judgePurity(path, specifier);
  }
  return judgePackage(path, room, specifier, manifest) ?? judgePurity(path, specifier);
}

function judgeRelative(path: string, room: string, specifier: string): string | null {
  const target = posix.normalize(posix.join(posix.dirname(path), specifier));
  if (target !== room && !target.startsWith(`${room}/`)) {
    return `a relative import leaves ${room}; allowed: paths inside it, or a door (${list(doorsOf(path, room))})`;
  }
  if (isTestFile(target) && !isTestFile(path)) {
    return 'code that ships imports code of the tests; allowed: imports of a testing folder from test files';
  }
  const pure = pureFolder(path);
  if (pure !== null && pure !== room && !target.startsWith(`${pure}/`)) {
    return `${pure} is pure and stands alone; allowed: paths inside it`;
  }
  return null;
}

function judgeDoor(path: string, room: string, specifier: string): string | null {
  const entry = specifier.slice('@millwright/'.length);
  if (entry.endsWith('/testing') && !isTestFile(path) && !NOT_SHIPPED.includes(room)) {
    return 'code that ships imports code of the tests; allowed: imports of a testing entry from test files';
  }
  if (entry === posix.basename(room) || entry.startsWith(`${posix.basename(room)}/`)) return null;
  const doors = doorsOf(path, room);
  return doors.includes(entry) ? null : `no door from ${room}; allowed: ${list(doors)}`;
}

function doorsOf(path: string, room: string): readonly string[] {
  const doors = DOORS[room] ?? [];
  // A door to the trail is a door to its pure part. What is for tests is on no such list.
  const entries = doors.includes('audit') ? ['audit/proof'] : [];
  return [...new Set([...doors, ...entries, ...(isTestFile(path) ? TEST_DOUBLES : [])])];
}

function judgePackage(path: string, room: string, specifier: string, manifest: Manifest): string | null {
  const name = packageName(specifier);
  const free = isTestFile(path) || NOT_SHIPPED.includes(room);
  const owners = OWNERS[name];
  if (owners !== undefined && !owners.includes(room) && !free) {
    return `${name} has one owner; allowed: ${list(owners)}`;
  }
  if (manifest.dependencies.has(name)) return null;
  if (manifest.devDependencies.has(name)) {
    return free ? null : `${name} is a devDependency of ${room}; allowed: in test files`;
  }
  if (free && (name === 'vitest' || name === 'fast-check')) return null; // the repository's own devDependencies
  return `${name} is not declared; allowed: what ${room}/package.json declares`;
}

function judgePurity(path: string, specifier: string): string | null {
  const pure = pureFolder(path);
  if (pure === null || isTestFile(path)) return null;
  const allowed = PURE[pure] ?? [];
  const name = isBuiltin(specifier) ? `node:${specifier.replace(/^node:/, '')}` : packageName(specifier);
  return allowed.includes(name) ? null : `${pure} is pure; allowed: ${list(allowed)}`;
}

function pureFolder(path: string): string | null {
  return Object.keys(PURE).findLast((folder) => path.startsWith(`${folder}/`)) ?? null;
}

function* judgeShape(file: SourceFile): Generator<Violation> {
  for (const folder of file.path.split('/').slice(0, -1)) {
    if (FORBIDDEN_FOLDERS.includes(folder)) {
      yield {
        path: file.path,
        line: 1,
        what: `lies in a folder named ${folder}; allowed: a name of what it is for`,
      };
    }
  }
  if (!isTestFile(file.path)) return;
  const code = withoutProse(file.text).split('\n');
  for (const [at, line] of code.entries()) {
    const skipped = /\b(?:it|test|describe|suite)(?:\.\w+)*\.(?:skip|skipIf|only|todo)\b/.exec(line);
    if (skipped === null) continue;
    yield { path: file.path, line: at + 1, what: `has ${skipped[0]}; allowed: tests that run` };
  }
}

/** Judges what a room's package.json declares: its doors, and the owned packages that ship with it. */
export function judgeManifest(room: string, manifest: Manifest): readonly Violation[] {
  const path = `${room}/package.json`;
  const found: Violation[] = [];
  for (const [name, line] of [...manifest.dependencies, ...manifest.devDependencies]) {
    const entry = name.startsWith('@millwright/') ? name.slice('@millwright/'.length) : null;
    const doors = (DOORS[room] ?? []).map((door) => door.split('/')[0]);
    const double =
      manifest.devDependencies.has(name) && TEST_DOUBLES.some((one) => one.split('/')[0] === entry);
    if (entry !== null && !double && !doors.includes(entry)) {
      found.push({
        path,
        line,
        what: `declares ${name}: no door from ${room}; allowed: ${list(DOORS[room] ?? [])}`,
      });
    }
  }
  for (const [name, line] of manifest.dependencies) {
    const owners = OWNERS[name];
    if (owners === undefined || owners.includes(room) || NOT_SHIPPED.includes(room)) continue;
    found.push({ path, line, what: `declares ${name}: it has one owner; allowed: ${list(owners)}` });
  }
  return found;
}

function isBuiltin(specifier: string): boolean {
  return specifier.startsWith('node:') || builtinModules.includes(specifier);
}

function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'nothing' : names.join(', ');
}
