import { posix } from 'node:path';
import type { TreeFiles } from '../toolchain.ts';
import {
  asObject,
  isAmongTests,
  isConfiguration,
  isInstalled,
  isManifest,
  isSource,
  named,
} from './configuration.ts';

// What lies outside of the tests and is theirs all the same: the words that they compare with (a table of cases beside the sources), the
// helper that asserts for them.

/** Characters of the base's texts that are looked through. What is behind them names nothing. */
const MAX_READ = 8_388_608;
const ENTRIES = ['main', 'module', 'browser', 'bin', 'exports', 'imports', 'type'] as const;
const NAMES = /[^\s'"`=,;:()<>|&[\]{}/\\]+/g;

/** See `Toolchain.entriesOf`. */
export function entriesOf(manifest: string): ReadonlyMap<string, string> {
  const from = asObject(manifest);
  return new Map(
    ENTRIES.flatMap((key) => (from !== null && key in from ? [[key, JSON.stringify(from[key])]] : [])),
  );
}

/** What texts name: files by their last name, wherever they lie, and folders by their path. */
class Mentions {
  readonly #names = new Set<string>();
  readonly #folders = new Set<string>();

  constructor(texts: ReadonlyMap<string, string>, folders: ReadonlySet<string>) {
    for (const [path, text] of texts) {
      for (const [name] of text.matchAll(NAMES)) this.#names.add(name);
      // From where the text lies, or from where its tests are started.
      for (const from of [posix.dirname(path), ''])
        for (const folder of named(text, from, folders)) this.#folders.add(folder);
    }
  }

  has(path: string): boolean {
    return (
      this.#names.has(posix.basename(path)) || foldersOf(path).some((folder) => this.#folders.has(folder))
    );
  }
}

/** The texts in a value of JSON. */
function leaves(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [];
}

/** The folders that a path lies in, but the root. */
function foldersOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** Sources that these come to by relative name, themselves among them. */
function reached(from: readonly string[], texts: ReadonlyMap<string, string>): Set<string> {
  const there = new Set(texts.keys());
  const found = new Set(from);
  for (const path of found)
    for (const one of named(texts.get(path) ?? '', posix.dirname(path), there)) found.add(one);
  return found;
}

/**
 * See `Toolchain.ofTests`. A source is the tests' where they load it and nothing does that the package offers by name; where it offers anything
 * that does not lie in the tree, what the tests load is what they test.
 */
export async function ofTests(tests: readonly string[], base: TreeFiles): Promise<Set<string>> {
  const isOwn = (path: string) => own.has(path) || isAmongTests(path);
  const own = new Set(tests);
  const all = base.paths.filter((path) => !isInstalled(path));
  const texts = new Map<string, string>();
  let left = MAX_READ;
  const read = all.filter((one) => isSource(one) || isManifest(one));
  // Tests first: what is left out for its length is then named by nobody, and so no test's.
  for (const path of read.toSorted((a, b) => Number(isOwn(b)) - Number(isOwn(a)))) {
    const text = ((await base.read(path)) ?? '').slice(0, left);
    left -= text.length;
    texts.set(path, text);
  }
  const of = (wanted: (path: string) => boolean) => new Map([...texts].filter(([path]) => wanted(path)));
  const folders = new Set(all.flatMap(foldersOf));
  const [byTests, bySources] = [of(isOwn), of((path) => !isOwn(path))].map(
    (some) => new Mentions(some, folders),
  );
  const isData = (path: string) => !texts.has(path) && !isOwn(path) && !isConfiguration(path);
  const data = all.filter((path) => isData(path) && byTests?.has(path) && !bySources?.has(path));

  const offered = [...entriesOf(texts.get('package.json') ?? '')].flatMap(([key, text]) =>
    key === 'type' ? [] : leaves(JSON.parse(text)),
  );
  const there = new Set(all);
  const isMade = (path: string) => path.includes('*') || named(`./${path}`, '', there).length > 0;
  const unmade = offered.filter((path) => path.includes('/') && !isMade(path));
  const sources = new Set(of((path) => isSource(path) && !isOwn(path)).keys());
  const entries = [...offered, 'index'].flatMap((path) => named(`./${path}`, '', sources));
  // Of a package that is built, nobody can tell from its names what its users get.
  if (entries.length === 0 || unmade.length > 0) return new Set(data);
  const product = reached(entries, texts);
  const loaded = reached([...of((path) => isSource(path) && isOwn(path)).keys()], texts);
  const helpers = [...loaded].filter((path) => isSource(path) && !isOwn(path) && !product.has(path));
  return new Set([...data, ...helpers]);
}
