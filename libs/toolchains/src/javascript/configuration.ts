import { posix } from 'node:path';
import type { TestCommand, TreeFiles } from '../toolchain.ts';

// The candidate runs with the test configuration of the base, and with what that and the base's command load by name: a change to any of
// it may not decide about itself.

const CONFIG_FILES = [
  /^vite(st)?\.(config|workspace|projects)\.([cm]?[jt]s|json)$/,
  /^jest\.(config|preset|setup)\.([cm]?[jt]s|json)$/,
  /^\.mocharc(\.([cm]?js|json|jsonc|ya?ml))?$/,
  /^mocha\.opts$/,
  /^(ava|uvu|tap|karma\.conf|playwright|cypress|wtr|web-test-runner)\.config\.([cm]?[jt]s|json)$/,
  /^karma\.conf\.[cm]?[jt]s$/,
  /^\.(taprc|uvurc)(\..*)?$/,
  /^\.(nyc|c8)rc(\.(json|ya?ml|[cm]?js))?$|^nyc\.config\.[cm]?js$/,
  /^\.npmrc$|^\.yarnrc(\.yml)?$|^\.node-options$|^node\.config\.json$|^\.env(\.test)?$/,
  /^babel\.config\.([cm]?[jt]s|json)$|^\.babelrc(\.([cm]?js|json))?$|^\.swcrc$/,
  // Vite runs it as it starts, whether or not there is a style.
  /^postcss\.config\.([cm]?[jt]s|json|ya?ml)$|^\.postcssrc(\.([cm]?[jt]s|json|ya?ml))?$/,
];

/** The parts of a package.json that configure how tests run. */
const CONFIG_KEYS = [
  ...['scripts', 'jest', 'mocha', 'vitest', 'ava', 'tap', 'nyc', 'c8', 'babel', 'config'],
  ...['standard', 'xo', 'wireit', 'nx', 'postcss'],
] as const;

const outside = (path: string) => !isInstalled(path);
const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);
export const isInstalled = (path: string) => /(^|\/)node_modules(\/|$)/.test(path);
export const isManifest = (path: string) => nameOf(path) === 'package.json' && outside(path);
export const isConfiguration = (path: string) =>
  outside(path) && CONFIG_FILES.some((name) => name.test(nameOf(path)));
const COMPILER = /^[tj]sconfig(\.[\w.-]+)?\.json$/;
export const isReadByName = (path: string) =>
  isConfiguration(path) || isManifest(path) || (outside(path) && COMPILER.test(nameOf(path)));

/**
 * The candidate's package.json with the base's test configuration, or null when it need not change. A text that is no JSON object stays as
 * it is: the run then fails on it.
 */
export function mergeManifest(base: string, candidate: string): string | null {
  const from = asObject(base);
  const to = asObject(candidate);
  if (from === null || to === null) return null;
  const merged: Record<string, unknown> = { ...to };
  for (const key of CONFIG_KEYS) {
    if (key in from) merged[key] = from[key];
    else delete merged[key];
  }
  const text = JSON.stringify(merged, null, 2);
  return text === JSON.stringify(to, null, 2) ? null : `${text}\n`;
}

export function asObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null; // Not JSON: nothing to merge.
  }
}

const TEST_FOLDER = /(^|\/)(tests?|specs?|__tests__|__mocks__)(\/|$)/i;
const TEST_NAME = /(^|\/)(tests?\.[cm]?[jt]sx?$|[^/]+[._-](tests?|specs?)\.[cm]?[jt]sx?$)/i;
/** By where it lies or what it is called; what the base's run reported as tests says more, where there is one. */
export const isTest = (path: string) => outside(path) && (TEST_FOLDER.test(path) || TEST_NAME.test(path));
const AMONG =
  /(^|\/)(__snapshots__|__fixtures__|tap-snapshots|snapshots|fixtures|testdata|goldens?)\/|\.(snap|snapshot|golden)$/i;
export const isAmongTests = (path: string) => outside(path) && (isTest(path) || AMONG.test(path));
export const isSource = (path: string) =>
  /\.[cm]?[jt]sx?$/.test(path) && outside(path) && !path.endsWith('.d.ts');

/** What prepares tests, and is none: it may lie among them. */
const SUPPORT =
  /(^|\/)[^/]*(setup|set-up|teardown|helpers?|hooks?|register|bootstrap|global|environment|reporter|runner|run-?tests?|loader|fixture-?s?|config)[^/]*$/i;
const SCRIPTS = /(^|\/)(scripts?|tools?|tasks?|ci|\.ci|config|\.github|\.config)\//i;
const restored = (path: string) =>
  SUPPORT.test(nameOf(path)) || SCRIPTS.test(path) || /\.(sh|bash|zsh|ya?ml|json|opts)$/.test(path);

const ENDINGS = ['', '.js', '.cjs', '.mjs', '.ts', '.cts', '.mts', '.json', '.sh', '/index.js', '/index.ts'];
const WORD = /[^\s'"`=,;:()<>|&[\]{}]+/g;
const MAX_FOLLOWED = 200;
const MAX_WORDS = 2_000;
/** Characters of a tree's texts that are looked through for names; a candidate's are anybody's. */
const MAX_READ = 1_048_576;

/** The paths of the tree that a text names, as its own words, relative to a folder or to the root. */
export function named(text: string, folder: string, there: ReadonlySet<string>): string[] {
  const found = new Set<string>();
  for (const word of new Set(text.match(WORD))) {
    if (!/[./]/.test(word) || word.length > 500) continue;
    const plain = word.replace(/^\$?\{?(rootDir|PWD|INIT_CWD|__dirname)\}?\//, './');
    for (const from of plain.startsWith('.') ? [folder] : ['', folder]) {
      const path = posix.normalize(posix.join(from, plain));
      const written = path.replace(/\.([cm]?)js$/, '.$1ts'); // As TypeScript asks for what it will have compiled.
      const hit = [...ENDINGS.map((ending) => `${path}${ending}`), written].find((one) => there.has(one));
      if (hit !== undefined) found.add(hit);
    }
  }
  return [...found];
}

/** The scripts of package.json that a command starts, with those that they start. */
export function scriptsOf(command: string, manifest: Record<string, unknown> | null): string[] {
  const scripts = (manifest?.scripts ?? {}) as Record<string, unknown>;
  const all = Object.keys(scripts).slice(0, MAX_WORDS);
  const texts = [command];
  const seen = new Set<string>();
  for (let i = 0; i < texts.length && i < MAX_FOLLOWED; i++) {
    for (const step of (texts[i] ?? '').split(/&&|\|\||[;|&\n]/)) {
      if (!/\b(npm|yarn|pnpm|run-[sp]|npm-run-all|concurrently|wireit|nx)\b|--run\b/.test(step)) continue;
      for (const [word] of step.matchAll(/[\w:.*-]+/g)) {
        if (seen.has(word) || seen.size > MAX_WORDS) continue;
        seen.add(word);
        for (const name of word.includes('*') ? all.filter((one) => matches(one, word)) : [word])
          for (const each of [`pre${name}`, name, `post${name}`]) {
            const script = scripts[each];
            if (typeof script === 'string') texts.push(script);
          }
      }
    }
  }
  return texts;
}

/** Whether a name is one of `test:*`, as npm-run-all and its kind write it. */
function matches(name: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split(/\*+/);
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = part === '' ? name.length : name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return rest.at(-1) === '' || name.endsWith(rest.at(-1) ?? '');
}

/**
 * See `Toolchain.testSetup`. Of a manifest only what configures tests counts, and of its scripts those that the command, or what it loads,
 * comes to.
 */
export async function testSetup(
  { script, starts }: Pick<Extract<TestCommand, { kind: 'command' }>, 'script' | 'starts'>,
  tree: TreeFiles,
): Promise<Map<string, string>> {
  const setup = new Map<string, string>();
  const loaded = (await loadedBy({ script }, tree)).filter(({ restored: by }) => by);
  for (const path of [...tree.paths.filter(isConfiguration), ...loaded.map(({ path }) => path)])
    setup.set(path, (await tree.read(path)) ?? '');
  for (const path of tree.paths.filter(isManifest)) {
    const manifest = asObject((await tree.read(path)) ?? '');
    const keys = CONFIG_KEYS.filter((key) => key !== 'scripts').map((key) => manifest?.[key]);
    setup.set(path, JSON.stringify([...keys, scriptsOf(`${starts}\nnpm test`, manifest).slice(1)]));
  }
  return setup;
}

/** See `Toolchain.loadedBy`. A file that is restored is followed to what it loads by relative name; a source under test is not. */
export async function loadedBy(
  command: Pick<Extract<TestCommand, { kind: 'command' }>, 'script'>,
  base: TreeFiles,
): Promise<{ path: string; restored: boolean }[]> {
  const there = new Set(base.paths);
  const manifest = there.has('package.json') ? asObject((await base.read('package.json')) ?? '') : null;
  const found = new Map<string, boolean>();
  const queue: string[] = [];
  let left = MAX_READ;
  const read = async (path: string): Promise<string> => {
    const text = ((await base.read(path)) ?? '').slice(0, left);
    left -= text.length;
    return text;
  };
  const note = (paths: readonly string[], support: (path: string) => boolean) => {
    for (const path of paths) {
      if (found.has(path) || isManifest(path) || isInstalled(path)) continue;
      found.set(path, support(path));
      if (support(path)) queue.push(path);
    }
  };
  for (const script of scriptsOf(command.script, manifest)) {
    // What is named behind an option that loads it is set-up, wherever it lies, but for sources.
    const required = [
      ...script.matchAll(
        /(?:--require|-r|--import|--loader|--experimental-loader|--file|--env-file(?:-if-exists)?)[=\s]+(\S+)/g,
      ),
    ];
    note(
      required.flatMap(([, name]) => named(name ?? '', '', there)),
      (path) => isTest(path) || restored(path) || !path.includes('/'),
    );
    note(named(script, '', there), (path) => restored(path) && (!isTest(path) || SUPPORT.test(nameOf(path))));
  }
  const keys = JSON.stringify(Object.fromEntries(CONFIG_KEYS.slice(1).map((key) => [key, manifest?.[key]])));
  note(named(keys, '', there), (path) => restored(path));
  for (const path of base.paths.filter(isConfiguration).slice(0, MAX_FOLLOWED))
    note(named(await read(path), posix.dirname(path), there), (path_) => restored(path_));
  for (let i = 0; i < queue.length && i < MAX_FOLLOWED; i++) {
    const path = queue[i] ?? '';
    const folder = path.endsWith('.sh') ? '' : posix.dirname(path);
    note(
      named(await read(path), folder, there).filter((one) => one !== path && restored(one)),
      () => true,
    );
  }
  return [...found].map(([path, isRestored]) => ({ path, restored: isRestored }));
}
