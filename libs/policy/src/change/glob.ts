// Why not node's `path.matchesGlob`: its `*` and `**` pass over names that begin with a dot (`a/.b/AGENTS.md` is not under
// `**/AGENTS.md`), and a pattern that protects must not be walked around by a dot. Matching is without regard to case, since
// `agents.md` is AGENTS.md on some file systems.

/** One segment against `*` and `?`, by the greedy two-pointer method: linear for one star, never exponential. */
function segmentMatches(name: string, pattern: string): boolean {
  let n = 0;
  let p = 0;
  let star = -1;
  let resume = 0;
  while (n < name.length) {
    const c = pattern[p];
    if (c === '*') {
      star = p++;
      resume = n;
    } else if (c !== undefined && (c === '?' || c === name[n])) {
      p++;
      n++;
    } else if (star >= 0) {
      p = star + 1;
      n = ++resume;
    } else return false;
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/** Row by row over the pattern: `reach[i]` says that the first `i` segments of the path are matched so far. */
function segmentsMatch(path: readonly string[], pattern: readonly string[]): boolean {
  let reach: boolean[] = [true, ...path.map(() => false)];
  for (const [index, part] of pattern.entries()) {
    const next: boolean[] = reach.map(() => false);
    const last = index === pattern.length - 1;
    for (let i = 0; i <= path.length; i++) {
      if (part === '**') {
        // A trailing `**` is everything below, so at least one segment; elsewhere any number, none too.
        next[i] = last ? reach.slice(0, i).includes(true) : reach.slice(0, i + 1).includes(true);
      } else if (i > 0) next[i] = reach[i - 1] === true && segmentMatches(path[i - 1] ?? '', part);
    }
    reach = next;
  }
  return reach[path.length] === true;
}

/** `{a,b}` written out; not nested. */
function alternatives(pattern: string): string[] {
  const found = /^([^{]*)\{([^{}]*)\}(.*)$/s.exec(pattern);
  if (found === null) return [pattern];
  const [, head = '', body = '', tail = ''] = found;
  return body.split(',').flatMap((choice) => alternatives(`${head}${choice}${tail}`));
}

/**
 * True when `path` (relative, `/`) is named by `pattern` or lies below what it names: `migrations`, `migrations/` and
 * `migrations/**` protect the same files. `**` is any number of segments, `*` and `?` stay within one, `{a,b}` is either;
 * everything else, `[` and `!` too, stands for itself.
 */
export function globMatches(path: string, pattern: string): boolean {
  const segments = path.toLowerCase().split('/');
  return alternatives(pattern.toLowerCase()).some((one) => {
    const parts = one
      .replace(/^\.?\//, '')
      .replace(/\/+$/, '')
      .split('/')
      .filter((part, i, all) => part !== '**' || all[i - 1] !== '**');
    return segmentsMatch(segments, parts) || segmentsMatch(segments, [...parts, '**']);
  });
}

export const matchesAny = (path: string, patterns: readonly string[]): boolean =>
  patterns.some((pattern) => globMatches(path, pattern));
