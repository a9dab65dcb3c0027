import picomatch from 'picomatch';

// Patterns of paths. Each segment is matched by picomatch; `**` is followed here, row by row, since one regular expression for a whole path takes
// minutes for a path that was written to take them. A dot hides nothing, and case does not matter: `agents.md` is AGENTS.md on some file systems.
// Bounded: two stars a segment at most (as the schema of millwright.yaml has it), names and depth as here.

/** Longer names, in UTF-16 units, and deeper paths are matched by no pattern: who asks treats them as what needs most care. */
const LONGEST_NAME = 255;
const DEEPEST = 64;
export function isTooLong(path: string): boolean {
  const names = path.split('/');
  return names.length > DEEPEST || names.some((name) => name.length > LONGEST_NAME);
}

type Part = '**' | ((name: string) => boolean);

const OPTIONS = {
  dot: true,
  nocase: true,
  windows: false,
  nonegate: true,
  noextglob: true,
  noglobstar: true,
} as const;

/** What picomatch would read as more than a name: `(shop)` and `[id]` are folders. */
const escaped = (part: string): string => part.replaceAll(/[^\p{L}\p{M}\p{N}\s*?{},._-]/gu, '\\$&');

function compile(pattern: string): Part[] {
  const parts = pattern
    .normalize('NFC')
    .replace(/^\.?\//, '')
    .replace(/\/+$/, '')
    .split('/');
  return parts
    .filter((part, i) => part !== '**' || parts[i - 1] !== '**')
    .map((part) => (part === '**' ? part : picomatch(escaped(part), OPTIONS)));
}

/** Compiled patterns: the factory's own, and those of the configurations that were read lately. */
const compiled = new Map<string, Part[]>();
const MOST_COMPILED = 2_000;

function partsOf(pattern: string): Part[] {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  if (compiled.size >= MOST_COMPILED) compiled.clear();
  const parts = compile(pattern);
  compiled.set(pattern, parts);
  return parts;
}

/** Row by row over the pattern: `reach[i]` says that the first `i` segments of the path are matched so far. What lies below a match matches. */
function matches(path: readonly string[], pattern: readonly Part[]): boolean {
  let reach: boolean[] = [true, ...path.map(() => false)];
  for (const [index, part] of pattern.entries()) {
    const next: boolean[] = reach.map(() => false);
    // A trailing `**` is everything below, so at least one segment; elsewhere any number, none too.
    const least = index === pattern.length - 1 ? 1 : 0;
    for (let i = 0; i <= path.length; i++) {
      if (part === '**') next[i] = reach.slice(0, i + 1 - least).includes(true);
      else if (i > 0) next[i] = reach[i - 1] === true && part(path[i - 1] ?? '');
    }
    // Nearly every pattern and path differ in their first segment.
    if (!next.includes(true)) return false;
    reach = next;
  }
  return reach.slice(1).includes(true);
}

/**
 * True when `path` (relative, `/`) is named by `pattern` or lies below what it names: `migrations`, `migrations/` and
 * `migrations/**` protect the same files. `**` is any number of segments, `*` and `?` stay within one, `{a,b}` is either;
 * everything else, `[` and `!` too, stands for itself.
 */
export const globMatches = (path: string, pattern: string): boolean => matchesAny(path, [pattern]);

export function matchesAny(path: string, patterns: readonly string[]): boolean {
  if (isTooLong(path)) return false;
  const names = path.normalize('NFC').split('/');
  return patterns.some((pattern) => matches(names, partsOf(pattern)));
}
