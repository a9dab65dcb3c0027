import { posix } from 'node:path';
import { parse } from 'yaml';

// A repository's own conventions, as its base has them: advice, never authority. The nearest file wins, as agents.md has it; a skill is named, and read by
// who needs it, as https://agentskills.io/specification has it ("progressive disclosure").

/** `path` is the file's, relative to the repository's root. */
export type Advice = { path: string; text: string };
/** What a skill says of itself; the rest is in its file. */
export type Skill = { path: string; name: string; description: string };

/** Of each name the nearest above a path. */
const BY_FOLDER = ['AGENTS.md', 'CLAUDE.md', 'GEMINI.md'] as const;
/** For the whole repository. */
const AT_ROOT = ['.github/copilot-instructions.md', '.cursorrules'] as const;
const MAX_FILE = 12_000;
const MAX_FILES = 6;
const SKILL = /(?:^|\/)SKILL\.md$/;
const MAX_SKILLS = 40;

/** Whether a file of this path may be advice or a skill. */
export const isConvention = (path: string): boolean =>
  SKILL.test(path) ||
  (AT_ROOT as readonly string[]).includes(path) ||
  (BY_FOLDER as readonly string[]).includes(posix.basename(path));

/**
 * The advice files that hold for the touched paths: of each name, the nearest above each path; the root's when no path is given. What says the same
 * as another, or only points to it (`@AGENTS.md`), is left out.
 */
export function nearestAdvice(files: readonly Advice[], touched: readonly string[]): Advice[] {
  const chosen = new Map<string, Advice>();
  for (const path of touched.length === 0 ? ['.'] : touched) {
    for (const name of BY_FOLDER) {
      const found = nearest(files, path, name);
      if (found !== undefined) chosen.set(found.path, found);
    }
  }
  for (const file of files)
    if ((AT_ROOT as readonly string[]).includes(file.path)) chosen.set(file.path, file);
  const said = new Set<string>();
  return [...chosen.values()]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .filter(({ text }) => {
      const body = text.trim();
      if (/^@\S+$/.test(body) || said.has(body)) return false;
      said.add(body);
      return true;
    })
    .slice(0, MAX_FILES)
    .map(({ path, text }) => ({
      path,
      text: text.length > MAX_FILE ? `${text.slice(0, MAX_FILE)}\n[cut]` : text,
    }));
}

const MAX_ELSEWHERE = 30;

/** Advice files that hold for other folders than those that are touched: who comes there reads them. */
export function adviceElsewhere(files: readonly Advice[], chosen: readonly Advice[]): string[] {
  const said = new Set(chosen.map(({ path }) => path));
  return files
    .map(({ path }) => path)
    .filter((path) => path.includes('/') && (BY_FOLDER as readonly string[]).includes(posix.basename(path)))
    .filter((path) => !said.has(path))
    .sort()
    .slice(0, MAX_ELSEWHERE);
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

/** The skills among the files, by path. One whose front matter has no name or description is none. */
export function skillsIn(files: readonly Advice[]): Skill[] {
  return files
    .filter(({ path }) => SKILL.test(path))
    .flatMap(({ path, text }) => {
      const said = frontMatter(text);
      const { name, description } = said ?? {};
      return typeof name === 'string' && typeof description === 'string'
        ? [{ path, name: line(name, 64), description: line(description, 300) }]
        : [];
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .slice(0, MAX_SKILLS);
}

const line = (text: string, most: number): string => text.replace(/\s+/g, ' ').trim().slice(0, most);

/** YAML between `---` lines at the top; null where there is none, or none that can be read: then the file is no skill. */
function frontMatter(text: string): Readonly<Record<string, unknown>> | null {
  const found = /^---\r?\n([\s\S]{0,4000}?)\r?\n---/.exec(text)?.[1];
  if (found === undefined) return null;
  try {
    const value: unknown = parse(found, { maxAliasCount: 0 });
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
