import type { Owner, Touch } from './owners.ts';
import { isTestFile, type SourceFile } from './sources.ts';
import { withoutProse } from './without-prose.ts';

/** What each module is for that only serves to reach the outside. */
const MODULES: Readonly<Record<string, Touch>> = {
  '@anthropic-ai/sdk': 'model',
  '@octokit/core': 'network',
  dockerode: 'docker',
  'node:child_process': 'process',
  'node:worker_threads': 'process',
  'node:cluster': 'process',
  'node:net': 'network',
  'node:http': 'network',
  'node:https': 'network',
  'node:http2': 'network',
  'node:tls': 'network',
  'node:dgram': 'network',
  'node:dns': 'network',
  'node:dns/promises': 'network',
  undici: 'network',
};
/** Of `node:fs` and `node:fs/promises`: what does not only read. */
const WRITES =
  /^(?:appendFile|chmod|chown|copyFile|cp|createWriteStream|fchmod|fchown|ftruncate|lchmod|lchown|link|lutimes|mkdir|mkdtemp|open|rename|rm|rmdir|symlink|truncate|unlink|utimes|write|writeFile|writev)(?:Sync)?$/;
const FS = /^(?:node:)?fs(?:\/promises)?$/;
/** Not the type of a parameter, `out: import('node:http').ServerResponse`. Text of an import's clause, and its specifier, read where the prose was blanked. */
const IMPORT =
  /\bimport\s+(type\s+)?([^'"();]*?)\s*\bfrom\s*['"]( +)['"]|(?<!\w\??: )\bimport\s*\(\s*['"]( +)['"]/dg;
/** A call: neither a method's name nor its definition. */
const FETCH = /(?<![.\w$])(?<!async )fetch\s*\(/;

const named = (clause: string): string[] =>
  (/\{([^}]*)\}/.exec(clause)?.[1] ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '' && !one.startsWith('type '))
    .map((one) => one.split(/\s+as\s+/)[0] ?? '');

/** Whether an import brings values: not only types. */
const brings = (clause: string): boolean =>
  named(clause).length > 0 || clause.replace(/\{[^}]*\}/, '').replaceAll(/[\s,]/g, '') !== '';

/** What a source touches of the outside: by what it imports as values, by `fetch`, and by what it may write with. */
export function touchesOf(source: string): Touch[] {
  const code = withoutProse(source);
  const found = new Set<Touch>();
  if (FETCH.test(code)) found.add('network');
  for (const match of code.matchAll(IMPORT)) {
    const place = match.indices?.[3] ?? match.indices?.[4];
    if (place === undefined || match[1] !== undefined) continue;
    const specifier = source.slice(...place);
    const clause = match[2] ?? '*';
    if (!brings(clause)) continue;
    const touch = MODULES[specifier] ?? MODULES[`node:${specifier}`];
    if (touch !== undefined) found.add(touch);
    // A whole module, by default or by star, can write whatever it is used for.
    const whole = clause.replace(/\{[^}]*\}/, '').replaceAll(/[\s,]/g, '') !== '';
    if (FS.test(specifier) && (whole || named(clause).some((name) => WRITES.test(name)))) found.add('files');
  }
  return [...found].sort();
}

/** The owner of a path: its own line, else that of the nearest folder. */
function ownerOf(
  path: string,
  owners: Readonly<Record<string, Owner>>,
): [place: string, owner: Owner] | null {
  const places = Object.keys(owners).filter(
    (place) => place === path || (place.endsWith('/') && path.startsWith(place)),
  );
  const nearest = places.sort((a, b) => b.length - a.length)[0];
  const owner = nearest === undefined ? undefined : owners[nearest];
  return nearest === undefined || owner === undefined ? null : [nearest, owner];
}

type Rules = {
  owners: Readonly<Record<string, Owner>>;
  acts: readonly { call: RegExp; callers: Readonly<Record<string, readonly string[]>> }[];
  /** The types of entries that there are. */
  types: ReadonlySet<string>;
};

/** Tests, what only tests use, and doubles that stand in for the factory. */
const ships = ({ path }: SourceFile): boolean =>
  /^(?:apps|libs)\//.test(path) && !isTestFile(path) && !/\/recorded\//.test(path);

const says = (file: SourceFile, type: string): boolean => file.text.includes(`'${type}'`);

/** Every sentence is something that could happen in silence. `sql` is text beside the sources that appends too: the migrations. */
export function silences(
  files: readonly SourceFile[],
  sql: string,
  { owners, acts, types }: Rules,
): string[] {
  const shipped = files.filter(ships);
  const used = new Map<string, Set<Touch>>();
  const found: string[] = [];
  for (const file of shipped) {
    const touches = touchesOf(file.text);
    if (touches.length === 0) continue;
    const owned = ownerOf(file.path, owners);
    if (owned === null) {
      found.push(`${file.path} touches ${touches.join(', ')}, and no entries around it are listed`);
      continue;
    }
    const [place, owner] = owned;
    for (const touch of touches) {
      used.set(place, (used.get(place) ?? new Set()).add(touch));
      if (!owner.touches.includes(touch))
        found.push(`${file.path} touches ${touch}, which ${place} does not say`);
    }
  }
  for (const [place, owner] of Object.entries(owners)) {
    const idle = owner.touches.filter((touch) => !used.get(place)?.has(touch));
    if (idle.length > 0) found.push(`${place} touches ${idle.join(', ')} no more: take it off the list`);
    if (!('intent' in owner)) continue;
    if (owner.intent.length === 0 || owner.outcome.length === 0)
      found.push(`${place} has no intent or no outcome`);
    for (const type of [...owner.intent, ...owner.outcome]) {
      if (!types.has(type)) found.push(`${place} names ${type}, which is no type of entry`);
      else if (
        !sql.includes(`'${type}'`) &&
        !shipped.some((file) => !file.path.startsWith('libs/domain/') && appends(file, type))
      )
        found.push(`nothing appends ${type}, which ${place} has around it`);
    }
  }
  for (const { call, callers } of acts) {
    for (const file of shipped) {
      if (
        !call.test(withoutProse(file.text)) ||
        new RegExp(`function ${call.source.replace('\\b', '')}`).test(file.text)
      )
        continue;
      const around = callers[file.path];
      if (around === undefined) found.push(`${file.path} calls ${call.source}, and is not listed to`);
      for (const type of around ?? [])
        if (!says(file, type)) found.push(`${file.path} calls ${call.source} without ${type}`);
    }
    for (const path of Object.keys(callers))
      if (!shipped.some((file) => file.path === path && call.test(withoutProse(file.text))))
        found.push(`${path} calls ${call.source} no more: take it off the list`);
  }
  return found;
}

/** Whether a file makes such an entry: `type: 'x'`, as a literal. */
const appends = (file: SourceFile, type: string): boolean => file.text.includes(`type: '${type}'`);
