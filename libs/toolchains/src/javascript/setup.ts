import semver from 'semver';
import type { LookedSetup, Setup, Trouble } from '../toolchain.ts';
import { managerAsked, NODE_FILES, nodeAsked } from './node-asked.ts';

/** Programs of other languages that the factory's own image does not have. */
const NOT_THERE =
  /^(pytest|go|cargo|rustc|mvn|gradle|\.\/gradlew|ruby|bundle|rake|rspec|php|composer|phpunit|dotnet|mix|swift|sbt|bun|deno|pnpm|yarn|poetry|uv|tox|pip|pip3)\b/;

const own = 'name an image of your own that has it in millwright.yaml (image:)';

const manifestOf = ({ texts }: LookedSetup): string | null => texts.get('package.json') ?? null;

function lockfile(look: LookedSetup): Trouble[] {
  const { paths, config } = look;
  const manifest = manifestOf(look);
  if (config.image !== undefined || config.install !== undefined || manifest === null) return [];
  if (paths.has('package-lock.json') || paths.has('npm-shrinkwrap.json')) return [];
  const found = (
    [
      ['pnpm-lock.yaml', 'pnpm'],
      ['yarn.lock', 'yarn'],
      ['bun.lock', 'bun'],
      ['bun.lockb', 'bun'],
    ] as const
  ).find(([file]) => paths.has(file));
  if (found === undefined || !hasDependencies(manifest)) return [];
  const [file, tool] = found;
  return [
    {
      code: 'no-tool',
      text: `${file} asks for ${tool}, which the factory's sandbox image does not have: dependencies cannot be installed`,
      fix: `commit a package-lock.json (npm install --package-lock-only), or say install: in millwright.yaml, or ${own}`,
      blocks: true,
    },
  ];
}

function manager(look: LookedSetup): Trouble[] {
  const { config } = look;
  const manifest = manifestOf(look);
  if (config.image !== undefined || config.install !== undefined || manifest === null) return [];
  const asked = managerAsked(manifest);
  // Where there is a lockfile of it nothing can be installed, and that is said.
  if (asked === null || !hasDependencies(manifest) || lockfile(look).length > 0) return [];
  return [
    {
      code: 'package-manager',
      text: `package.json asks for ${asked.name} (${asked.how}), which the factory's sandbox image does not have: dependencies are installed with npm`,
      fix: `say install: in millwright.yaml, or ${own}`,
      blocks: false,
    },
  ];
}

/** One that cannot be read is found by whoever installs, with the line. */
function parsed(manifest: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(manifest.replace(/^\uFEFF/, ''));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

const hasDependencies = (manifest: string): boolean =>
  ['dependencies', 'devDependencies', 'optionalDependencies'].some(
    (key) => Object.keys((parsed(manifest)[key] as object | undefined) ?? {}).length > 0,
  );

/** A command by its parts: what stands behind an `&&` is never reached where what is before it is not there. */
function tools(look: LookedSetup): Trouble[] {
  const { config } = look;
  if (config.image !== undefined) return [];
  const manifest = parsed(manifestOf(look) ?? '{}');
  const script = (manifest.scripts as Record<string, unknown> | undefined)?.test;
  const test = config.test ?? (typeof script === 'string' ? script : undefined);
  const brought = { ...(manifest.dependencies as object), ...(manifest.devDependencies as object) };
  return Object.entries({ install: config.install, build: config.build, test }).flatMap(
    ([key, command = '']): Trouble[] => {
      const programs = command
        .split(/&&|\|\||[;|]/)
        .flatMap((part) => NOT_THERE.exec(part.trim())?.[1] ?? []);
      const tool = programs.find((name) => !(name in brought));
      if (tool === undefined) return [];
      const where = key === 'test' && config.test === undefined ? 'package.json’s test script' : key;
      return [
        {
          code: 'unknown-toolchain',
          text: `${where}: ${command}: the factory's sandbox image has no ${tool}`,
          fix: key === 'test' ? `say test: in millwright.yaml with what is there, or ${own}` : own,
          blocks: true,
        },
      ];
    },
  );
}

function node({ texts, config, runtime }: LookedSetup): Trouble[] {
  if (config.image !== undefined) return [];
  return nodeAsked(texts)
    .filter(({ range }) => semver.validRange(range) !== null && !semver.satisfies(runtime, range))
    .map(({ file, how, range }) => ({
      code: 'node-version',
      text: `${file} asks for Node ${range}${how === null ? '' : ` (${how})`}, and the factory's sandbox image has ${runtime}: its suite may fail for that alone`,
      fix: own,
      blocks: false,
    }));
}

function noTests(look: LookedSetup): Trouble[] {
  if (look.config.test !== undefined) return [];
  const manifest = manifestOf(look);
  const scripts = manifest === null ? {} : (parsed(manifest).scripts as Record<string, unknown> | undefined);
  if (scripts?.test !== undefined) return [];
  return [
    {
      code: 'no-tests',
      text: 'nothing says how its tests are run: every change would be "no tests", which people must allow',
      fix: 'say test: in millwright.yaml, or add a test script to package.json',
      blocks: false,
    },
  ];
}

/** In the order in which they should be mended. */
export const setup: Setup = {
  files: NODE_FILES,
  troubles: (look) => [lockfile, manager, tools, node, noTests].flatMap((found) => found(look)),
};
