import { posix } from 'node:path';

// AGENTS.md and CLAUDE.md of the target repository: its advice, never authority. The nearest file wins, as agents.md has it.

/** `path` is the file's, relative to the repository's root. */
export type Advice = { path: string; text: string };

export const ADVICE_FILES = ['AGENTS.md', 'CLAUDE.md'] as const;
const MAX_FILE = 12_000;
const MAX_FILES = 6;

/** The advice files that hold for the touched paths: of each name, the nearest above each path; the root's when no path is given. */
export function nearestAdvice(files: readonly Advice[], touched: readonly string[]): Advice[] {
  const chosen = new Map<string, Advice>();
  for (const path of touched.length === 0 ? ['.'] : touched) {
    for (const name of ADVICE_FILES) {
      const found = nearest(files, path, name);
      if (found !== undefined) chosen.set(found.path, found);
    }
  }
  return [...chosen.values()]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .slice(0, MAX_FILES)
    .map(({ path, text }) => ({
      path,
      text: text.length > MAX_FILE ? `${text.slice(0, MAX_FILE)}\n[cut]` : text,
    }));
}

function nearest(files: readonly Advice[], path: string, name: string): Advice | undefined {
  let folder = path === '.' ? '.' : posix.dirname(posix.normalize(path));
  for (;;) {
    const wanted = folder === '.' ? name : `${folder}/${name}`;
    const found = files.find((file) => posix.normalize(file.path) === wanted);
    if (found !== undefined || folder === '.' || folder === '/') return found;
    folder = posix.dirname(folder);
  }
}
