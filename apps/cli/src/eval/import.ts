import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { z } from 'zod';
import { usage } from '../fail.ts';

// Makes cases of what others measure with: rows of a SWE-bench-like file (a repository, a commit, a patch and its tests), and exercises as
// exercism keeps them (a stub, tests, an example). What cannot be a case is said, and the others are made.

type Imported = { made: string[]; problems: string[] };

/** A case's files by folder: `repo`, `hidden`, `solution`. */
type Drafted = { name: string; test: string; ticket: string; lay: (part: string, folder: string) => void };

class NoCase extends Error {}

const nameOf = (given: string): string =>
  given
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);

export function importCases(from: string, into: string, options: { repos: string; test?: string }): Imported {
  const drafts = statSync(from).isDirectory() ? exercises(from, options) : rows(from, options);
  const done: Imported = { made: [], problems: [] };
  for (const { what, draft } of drafts) {
    try {
      const { name, test, ticket, lay } = draft();
      const place = join(into, name);
      if (name === '') throw new NoCase('its name has no letter and no digit');
      if (existsSync(place)) throw new NoCase(`${place} is there already`);
      try {
        for (const part of ['repo', 'hidden', 'solution']) {
          mkdirSync(join(place, part), { recursive: true });
          lay(part, join(place, part));
        }
        if (readdirSync(join(place, 'hidden')).length === 0) throw new NoCase('it has no tests');
        // One that says nothing of a right change is held against none.
        if (readdirSync(join(place, 'solution')).length === 0) rmdirSync(join(place, 'solution'));
      } catch (error) {
        rmSync(place, { recursive: true, force: true });
        throw error;
      }
      writeFileSync(join(place, 'case.yaml'), stringify({ test }));
      writeFileSync(join(place, 'ticket.md'), ticket);
      done.made.push(name);
    } catch (error) {
      const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
      done.problems.push(`${what}: ${why}`);
    }
  }
  return done;
}

type Draft = { what: string; draft: () => Drafted };

/** What a text holds, or that it holds no JSON, in a sentence. */
function jsonOf(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw new NoCase(`${what} is no JSON: ${error.message}`);
    throw error;
  }
}

/** As that, or what is wrong with it in a line. */
function shaped<T>(schema: z.ZodType<T>, given: unknown, whole: string): T {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const said = parsed.error.issues.map(({ path, message }) => {
    const what = path.join('.') || whole;
    return message.endsWith('received undefined') ? `${what} is missing` : `${what}: ${message}`;
  });
  throw new NoCase(said.join('; '));
}

/** Lists stand as such, or as JSON in a text. */
const Names = z.preprocess((given, said) => {
  if (typeof given !== 'string') return given ?? [];
  try {
    return JSON.parse(given);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    said.addIssue({ code: 'custom', message: 'neither a list nor a text that holds one as JSON' });
    return z.NEVER;
  }
}, z.array(z.string()));
const Row = z.object({
  instance_id: z.string().min(1),
  repo: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
  base_commit: z.string().regex(/^[0-9a-f]{7,40}$/),
  patch: z.string().min(1),
  test_patch: z.string(),
  problem_statement: z.string().trim().min(1, 'it is empty'),
  FAIL_TO_PASS: Names,
  PASS_TO_PASS: Names,
  test_command: z.string().optional(),
});

function rows(file: string, { repos, test }: { repos: string; test?: string }): Draft[] {
  const lines = readFileSync(file, 'utf8')
    .replace(/^\uFEFF/, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  if (lines.length > 1 && lines[0]?.trim() === '[')
    throw usage(
      `${file} is one list, where a .jsonl has an object a line`,
      `jq -c '.[]' ${file} > ${file.replace(/\.json$/, '')}.jsonl`,
    );
  return lines.map((line, index) => ({
    what: `${basename(file)}, row ${index + 1}`,
    draft: () => {
      const row = shaped(Row, jsonOf(line, 'it'), 'it');
      if (row.FAIL_TO_PASS.length === 0) throw new NoCase('FAIL_TO_PASS names no test');
      const at = clone(repos, row.repo);
      const git = gitOf(at);
      if (!holds(git, row.base_commit))
        throw new NoCase(
          `${at} has no commit ${row.base_commit}: git --git-dir ${at} fetch origin ${row.base_commit}`,
        );
      const tested = applied(git, row.base_commit, row.test_patch, 'test_patch');
      const solved = applied(git, row.base_commit, row.patch, 'patch');
      return {
        name: nameOf(row.instance_id),
        test: row.test_command ?? test ?? pytest([...row.FAIL_TO_PASS, ...row.PASS_TO_PASS]),
        ticket: ticketOf(row.problem_statement),
        lay: (part, folder) => {
          if (part === 'repo') unpack(git, row.base_commit, [], folder);
          const { tree, paths } = part === 'hidden' ? tested : solved;
          if (part !== 'repo' && paths.length > 0) unpack(git, tree, paths, folder);
        },
      };
    },
  }));
}

/** The first line as the title; a statement that is a heading already stays one. */
function ticketOf(statement: string): string {
  const [first = '', ...rest] = statement.trim().split('\n');
  return `# ${first.replace(/^#+\s*/, '').slice(0, 300)}\n${rest.join('\n')}\n`;
}

function pytest(ids: readonly string[]): string {
  if (!ids.every((id) => /^[\w./-]+\.py(::|$)/.test(id)))
    throw new NoCase('it has no test_command, and its tests are not named as pytest names them: give --test');
  return `python3 -m pytest -q ${ids.map((id) => `'${id.replaceAll("'", "'\\''")}'`).join(' ')}`;
}

/** `owner/name` as `owner__name` or `name`, bare or not. */
function clone(repos: string, repo: string): string {
  const [owner = '', name = ''] = repo.split('/');
  const found = [`${owner}__${name}`, name, join(owner, name)]
    .flatMap((one) => [join(repos, one, '.git'), join(repos, one), join(repos, `${one}.git`)])
    .find((one) => existsSync(join(one, 'HEAD')));
  if (found === undefined)
    throw new NoCase(
      `there is no clone of ${repo}: git clone it as ${join(repos, `${owner}__${name}`)}, or name its folder with --repos`,
    );
  return found;
}

type Git = (args: readonly string[], options?: { input?: string; env?: Record<string, string> }) => Buffer;

const gitOf =
  (dir: string): Git =>
  (args, { input, env = {} } = {}) =>
    execFileSync('git', args, {
      env: {
        ...{ PATH: process.env.PATH, GIT_DIR: dir, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
        ...env,
      },
      maxBuffer: 1 << 30,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(input === undefined ? {} : { input }),
    });

function holds(git: Git, commit: string): boolean {
  try {
    git(['cat-file', '-e', `${commit}^{commit}`]);
    return true;
  } catch (error) {
    // git's own answer; that it could not be started has no status.
    if (error instanceof Error && 'status' in error && error.status !== null) return false;
    throw error;
  }
}

/** The tree of a commit with a patch, and the files that the patch leaves there. Nothing is checked out. */
function applied(git: Git, commit: string, patch: string, what: string): { tree: string; paths: string[] } {
  const index = join(tmpdir(), `millwright-import-${process.pid}`);
  const env = { GIT_INDEX_FILE: index };
  try {
    git(['read-tree', `${commit}^{commit}`], { env });
    if (patch.trim() !== '') git(['apply', '--cached', '--whitespace=nowarn', '-'], { env, input: patch });
    const tree = git(['write-tree'], { env }).toString().trim();
    const changed = git([
      'diff-tree',
      '-r',
      '-z',
      '--name-only',
      '--diff-filter=d',
      `${commit}^{tree}`,
      tree,
    ]);
    return { tree, paths: changed.toString().split('\0').filter(Boolean) };
  } catch (error) {
    const said =
      error instanceof Error && 'stderr' in error ? String(error.stderr).split('\n')[0] : String(error);
    throw new NoCase(`${what} does not go onto ${commit.slice(0, 12)}: ${said}`);
  } finally {
    rmSync(index, { force: true });
  }
}

function unpack(git: Git, tree: string, paths: readonly string[], folder: string): void {
  const archive = git(['archive', '--format=tar', tree, '--', ...paths], {
    env: { GIT_LITERAL_PATHSPECS: '1' },
  });
  execFileSync('tar', ['-x', '-C', folder], { input: archive });
}

/** Of an exercise, and never outside of it. */
const Path = z
  .string()
  .min(1)
  .refine((path) => !isAbsolute(path) && !path.split(/[/\\]/).includes('..'), 'it leads out of the exercise');
const Meta = z.object({
  files: z.object({
    solution: z.array(Path).min(1),
    test: z.array(Path).default([]),
    example: z.array(Path).default([]),
    exemplar: z.array(Path).default([]),
  }),
});

/** Exercises below a folder, wherever they lie in it: what has `.meta/config.json`. */
function exercises(from: string, { test }: { test?: string }): Draft[] {
  const found = readdirSync(from, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith(join('.meta', 'config.json')) && !path.includes('node_modules'))
    .map((path) => dirname(dirname(join(from, path))))
    .sort();
  return found.map((place) => ({ what: basename(place), draft: () => exercise(place, test) }));
}

function exercise(place: string, test: string | undefined): Drafted {
  const meta = '.meta/config.json';
  const { files } = shaped(Meta, jsonOf(readFileSync(join(place, meta), 'utf8'), meta), meta);
  const told = ['instructions.md', 'instructions.append.md']
    .map((name) => join(place, '.docs', name))
    .filter(existsSync);
  if (told.length === 0) throw new NoCase('.docs/instructions.md is missing');
  if (files.test.length === 0) throw new NoCase('it has no tests');
  const examples = files.example.length > 0 ? files.example : files.exemplar;
  for (const one of [...files.test, ...examples])
    if (!statSync(join(place, one), { throwIfNoEntry: false })?.isFile())
      throw new NoCase(`${one} is missing, and ${meta} names it`);
  const text = told.map((file) => readFileSync(file, 'utf8')).join('\n');
  return {
    name: nameOf(basename(place)),
    test: test ?? commandOf(place, files.test),
    ticket: `# Implement ${basename(place)}\n\nThe stub is in ${files.solution.join(', ')}.\n\n${text}\n`,
    lay: (part, folder) => {
      if (part === 'repo')
        cpSync(place, folder, {
          recursive: true,
          filter: (path) =>
            !['.meta', '.docs', 'node_modules'].includes(basename(path)) &&
            !files.test.some((one) => resolve(path) === resolve(place, one)),
        });
      if (part === 'hidden')
        for (const one of files.test)
          write(join(folder, one), unskipped(readFileSync(join(place, one), 'utf8')));
      if (part === 'solution')
        examples.forEach((one, index) => {
          const onto = files.solution[index];
          if (onto !== undefined) write(join(folder, onto), readFileSync(join(place, one), 'utf8'));
        });
    },
  };
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** All but the first test of an exercise are skipped until a learner gets there. */
const unskipped = (text: string): string =>
  text.replace(/\bx(test|it|describe)\(/g, '$1(').replace(/\b(test|it|describe)\.skip\(/g, '$1(');

function commandOf(place: string, tests: readonly string[]): string {
  const manifest = join(place, 'package.json');
  const scripts = existsSync(manifest)
    ? z
        .object({ scripts: z.record(z.string(), z.string()).default({}) })
        .parse(JSON.parse(readFileSync(manifest, 'utf8'))).scripts
    : {};
  if (scripts.test !== undefined) return 'npm test';
  if (tests.length > 0 && tests.every((one) => /\.[cm]?js$/.test(one)))
    return `node --test ${tests.join(' ')}`;
  if (tests.length > 0 && tests.every((one) => one.endsWith('.py')))
    return `python3 -m unittest ${tests.join(' ')}`;
  throw new NoCase('nothing says how its tests are run: give --test');
}
