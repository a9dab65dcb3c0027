import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

// Repositories as people have them: bare ones on disk, made and read by plain git with nobody's configuration.

/** Paths to their text; null removes the file. */
export type Files = Record<string, string | null>;

const ENV = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.org',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.org',
  LC_ALL: 'C',
};

/** Runs git in a folder; throws what it said. 60 s at most. */
export function git(folder: string, args: string[], more: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, env: { ...ENV, ...more }, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 };
    execFile('git', args, options, (error, stdout, stderr) =>
      error ? reject(new Error(`git ${args.join(' ')}: ${stderr || error.message}`)) : resolve(stdout),
    );
  });
}

const line = async (folder: string, args: string[], more: Record<string, string> = {}) =>
  (await git(folder, args, more)).trim();

export type Remote = {
  readonly name: string;
  /** The repository's folder; also the address to add it by. */
  readonly path: string;
  /** The commit that a branch is at. */
  head(branch?: string): Promise<string>;
  branches(): Promise<string[]>;
  treeOf(commit: string): Promise<string>;
  /** The tree that `commit` would have with these files in place of its own. */
  treeWith(commit: string, files: Files): Promise<string>;
  /** A file of a commit. */
  show(commit: string, path: string): Promise<string>;
  /** Commits files on top of a branch. */
  commit(files: Files, branch?: string): Promise<string>;
  git(...args: string[]): Promise<string>;
};

/** A bare repository whose branch `main` holds `files`, or what lies in a folder with `files` over it. */
export async function makeRemote(
  folder: string,
  name: string,
  files: Files,
  options: { from?: string; bare?: boolean } = {},
): Promise<Remote> {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  const work = options.bare === false ? path : mkdtempSync(join(folder, '.work-'));
  await git(work, ['init', '--quiet', '-b', 'main']);
  if (options.from !== undefined) await git(work, ['--work-tree', options.from, 'add', '--all', '--force']);
  if (options.from !== undefined) await git(work, ['checkout-index', '--all']);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(work, file)), { recursive: true });
    if (text === null) rmSync(join(work, file));
    else writeFileSync(join(work, file), text);
  }
  await git(work, ['add', '--all', '--force']);
  await git(work, ['commit', '--quiet', '-m', 'As it is']);
  if (work !== path) {
    await git(folder, ['clone', '--quiet', '--bare', work, path]);
    rmSync(work, { recursive: true, force: true });
  }
  return remoteAt(path, name);
}

function remoteAt(path: string, name: string): Remote {
  const treeWith = async (commit: string, files: Files): Promise<string> => {
    const scratch = mkdtempSync(join(dirname(path), '.index-'));
    const env = { GIT_INDEX_FILE: join(scratch, 'index') };
    try {
      await git(path, ['read-tree', commit], env);
      for (const [file, text] of Object.entries(files)) {
        if (text === null) {
          await git(path, ['--work-tree', scratch, 'update-index', '--force-remove', file], env);
          continue;
        }
        const at = join(scratch, 'file');
        writeFileSync(at, text);
        const blob = await line(path, ['hash-object', '-w', '--no-filters', at]);
        const was = (await line(path, ['ls-tree', commit, '--', file])).slice(0, 6) || '100644';
        await git(path, ['update-index', '--add', '--cacheinfo', `${was},${blob},${file}`], env);
      }
      return await line(path, ['write-tree'], env);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  };
  const head = (branch = 'main') => line(path, ['rev-parse', `refs/heads/${branch}`]);
  return {
    name,
    path,
    head,
    treeWith,
    branches: async () =>
      (await line(path, ['for-each-ref', '--format=%(refname:short)', 'refs/heads'])).split('\n'),
    treeOf: (commit) => line(path, ['rev-parse', `${commit}^{tree}`]),
    show: (commit, file) => git(path, ['show', `${commit}:${file}`]),
    commit: async (files, branch = 'main') => {
      const parent = await head(branch);
      const tree = await treeWith(parent, files);
      const commit = await line(path, ['commit-tree', tree, '-p', parent, '-m', 'Go on']);
      await git(path, ['update-ref', `refs/heads/${branch}`, commit, parent]);
      return commit;
    },
    git: (...args) => line(path, args),
  };
}
