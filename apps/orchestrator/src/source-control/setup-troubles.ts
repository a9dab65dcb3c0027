import type { SetupTrouble } from '@millwright/api';
import {
  type GitSha,
  managerAsked,
  NODE_FILES,
  nodeAsked,
  type RepoConfig,
  type RepoName,
} from '@millwright/domain';
import type { Store } from '@millwright/store';
import { satisfies, validRange } from 'semver';
import { z } from 'zod';
import type { FoundFile } from './repository.ts';

// What cannot work as a repository stands: told when it is added, by `doctor` and at the start gate, before an agent is paid for.

/** What of a repository is looked at. */
export type Looked = {
  paths: ReadonlySet<string>;
  /** What the files of `NODE_FILES` hold, of those that are there. */
  texts: ReadonlyMap<string, string>;
  config: RepoConfig;
  /** Secrets that have a value. */
  secrets: ReadonlySet<string>;
  repo: string;
  /** Of the sandbox image, such as `24.21.0`. */
  node: string;
};

/** Programs of other languages that the factory's own image does not have. */
const NOT_THERE =
  /^(pytest|go|cargo|rustc|mvn|gradle|\.\/gradlew|ruby|bundle|rake|rspec|php|composer|phpunit|dotnet|mix|swift|sbt|bun|deno|pnpm|yarn|poetry|uv|tox|pip|pip3)\b/;

const own = 'name an image of your own that has it in millwright.yaml (image:)';

/** What no act does. */
const byHand = (hint: string) => ({ hint, acts: [] });

/** Pure; in the order in which they should be mended. */
export function setupTroubles(look: Looked): SetupTrouble[] {
  return [
    ...services(look),
    ...lockfile(look),
    ...manager(look),
    ...tools(look),
    ...node(look),
    ...noTests(look),
    ...secrets(look),
  ];
}

function services({ config }: Looked): SetupTrouble[] {
  if (config.services.length === 0) return [];
  return [
    {
      code: 'services',
      text: `services (${config.services.join(', ')}) are not supported: no stage of a run would start`,
      fix: byHand(
        'remove services from millwright.yaml on its branch, and let the tests that need them skip themselves',
      ),
      blocks: true,
    },
  ];
}

const manifestOf = ({ texts }: Looked): string | null => texts.get('package.json') ?? null;

function lockfile(look: Looked): SetupTrouble[] {
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
      fix: byHand(
        `commit a package-lock.json (npm install --package-lock-only), or say install: in millwright.yaml, or ${own}`,
      ),
      blocks: true,
    },
  ];
}

function manager(look: Looked): SetupTrouble[] {
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
      fix: byHand(`say install: in millwright.yaml, or ${own}`),
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
function tools(look: Looked): SetupTrouble[] {
  const { config } = look;
  if (config.image !== undefined) return [];
  const manifest = parsed(manifestOf(look) ?? '{}');
  const script = (manifest.scripts as Record<string, unknown> | undefined)?.test;
  const test = config.test ?? (typeof script === 'string' ? script : undefined);
  const brought = { ...(manifest.dependencies as object), ...(manifest.devDependencies as object) };
  return Object.entries({ install: config.install, build: config.build, test }).flatMap(
    ([key, command = '']): SetupTrouble[] => {
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
          fix: byHand(key === 'test' ? `say test: in millwright.yaml with what is there, or ${own}` : own),
          blocks: true,
        },
      ];
    },
  );
}

function node({ texts, config, node: version }: Looked): SetupTrouble[] {
  if (config.image !== undefined) return [];
  return nodeAsked(texts)
    .filter(({ range }) => validRange(range) !== null && !satisfies(version, range))
    .map(({ file, how, range }) => ({
      code: 'node-version',
      text: `${file} asks for Node ${range}${how === null ? '' : ` (${how})`}, and the factory's sandbox image has ${version}: its suite may fail for that alone`,
      fix: byHand(own),
      blocks: false,
    }));
}

function noTests(look: Looked): SetupTrouble[] {
  if (look.config.test !== undefined) return [];
  const manifest = manifestOf(look);
  const scripts = manifest === null ? {} : (parsed(manifest).scripts as Record<string, unknown> | undefined);
  if (scripts?.test !== undefined) return [];
  return [
    {
      code: 'no-tests',
      text: 'nothing says how its tests are run: every change would be "no tests", which people must allow',
      fix: byHand('say test: in millwright.yaml, or add a test script to package.json'),
      blocks: false,
    },
  ];
}

function secrets({ config, secrets: set, repo }: Looked): SetupTrouble[] {
  return (config.deploy?.secrets ?? [])
    .filter((name) => !set.has(name))
    .map((name) => ({
      code: 'missing-secret',
      text: `deploy.secrets names ${name}, which has no value: a release could not be started`,
      fix: { acts: [{ act: 'set-secret' as const, name, repo }] },
      blocks: true,
    }));
}

/** The files of a repository that are looked at. */
type Files = {
  rootFiles(tree: GitSha): Promise<string[]>;
  file(tree: GitSha, path: string, maxBytes: number): Promise<FoundFile>;
};

/** What is known beside the repository. `modelKey` null: this factory does not know whether its runners have one. */
export type Known = {
  secrets: { names(repo: RepoName): Promise<string[]> };
  modelKey: boolean | null;
  store: Pick<Store, 'notes'>;
};

const MANIFEST_BYTES = 1_048_576;

/** What cannot work for runs of this repository on this tree. The sandbox image has the Node that runs the factory. */
export async function troublesOf(
  { secrets, modelKey, store }: Known,
  files: Files,
  repo: RepoName,
  { tree, config }: { tree: GitSha; config: RepoConfig },
): Promise<SetupTrouble[]> {
  const [unasked, paths, names, ...read] = await Promise.all([
    unaskedRoles(store),
    files.rootFiles(tree),
    secrets.names(repo),
    ...NODE_FILES.map(async (file) => ({ file, found: await files.file(tree, file, MANIFEST_BYTES) })),
  ]);
  const found = setupTroubles({
    config,
    repo,
    paths: new Set(paths),
    texts: new Map(
      read.flatMap(({ file, found }) => (found.kind === 'file' ? [[file, found.text] as const] : [])),
    ),
    secrets: new Set(names),
    node: process.versions.node,
  });
  return [...(modelKey === false ? [NO_MODEL_KEY] : unasked), ...found];
}

/** A note of the runners on a model, a setting of models, or all models of a role. */
export const ModelNote = z.object({ ok: z.boolean(), roles: z.array(z.string()), detail: z.string() });

/** Roles that no model answers for, as the runners found out: a key that is wrong, without credit, or not for the model; a name that is none. */
export async function unaskedRoles({ notes }: Known['store']): Promise<SetupTrouble[]> {
  const said = (await notes.list('model-role/')).map(({ text }) => ModelNote.parse(JSON.parse(text)));
  const details = [...new Set(said.map(({ detail }) => detail))];
  return details.map((detail) => {
    const roles = said.filter((one) => one.detail === detail).flatMap((one) => one.roles);
    return {
      code: 'no-model',
      text: `no model can be asked for ${roles.join(', ')}: ${detail}`.slice(0, 1_000),
      fix: byHand(
        'mend what is named there; where that is a setting, stop the factory with Ctrl-C, set it, and: npm start',
      ),
      blocks: true,
    };
  });
}

export const NO_MODEL_KEY: SetupTrouble = {
  code: 'no-model-key',
  text: 'the factory was started without a key for its model: no agent can be asked anything',
  fix: byHand('stop it with Ctrl-C, then: export ANTHROPIC_API_KEY=… and npm start'),
  blocks: true,
};

/** In one sentence, for a gate's reason: each with what mends it, where that is in words. */
export const blockedBy = (troubles: readonly SetupTrouble[]): string =>
  troubles
    .filter((one) => one.blocks)
    .map(({ text, fix: { hint } }) => (hint === undefined ? text : `${text}; ${hint}`))
    .join('. ');
