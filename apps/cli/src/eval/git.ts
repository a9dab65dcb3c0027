import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// The repositories of an evaluation: bare, throw-away, made from a case's files. Nothing that an agent wrote is ever checked out here.

const env = {
  PATH: process.env.PATH,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'eval',
  GIT_AUTHOR_EMAIL: 'eval@localhost',
  GIT_COMMITTER_NAME: 'eval',
  GIT_COMMITTER_EMAIL: 'eval@localhost',
};

const git = (args: readonly string[], more: Record<string, string> = {}): string =>
  execFileSync('git', args, {
    env: { ...env, ...more },
    encoding: 'utf8',
    maxBuffer: 1 << 24,
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();

const CONFIG = 'millwright.yaml';

/** A bare repository whose `main` holds the folder's files, and names `image` in its own file; as it was where it is there already. */
export function makeRemote(place: string, files: string, image?: string): string {
  const dir = join(place, 'remote.git');
  if (existsSync(join(dir, 'refs/heads/main'))) return dir;
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  git(['init', '--quiet', '--bare', '--initial-branch=main', dir]);
  const within = { GIT_DIR: dir, GIT_WORK_TREE: files, GIT_INDEX_FILE: join(dir, 'index') };
  git(['add', '--all', '--force', '.'], within);
  if (image !== undefined) {
    const own = join(files, CONFIG);
    const text = existsSync(own) ? readFileSync(own, 'utf8') : '';
    const named = join(place, CONFIG);
    writeFileSync(named, `image: ${JSON.stringify(image)}\n${text}`);
    const blob = git(['hash-object', '-w', '--', named], { GIT_DIR: dir });
    git(['update-index', '--add', '--cacheinfo', `100644,${blob},${CONFIG}`], within);
  }
  const commit = git(['commit-tree', git(['write-tree'], within), '-m', 'The base'], { GIT_DIR: dir });
  git(['update-ref', 'refs/heads/main', commit], { GIT_DIR: dir });
  return dir;
}

/** A commit's tree as a bundle for the sandbox: one parentless commit. */
export function bundleOf(remote: string, commit: string): { bundle: string; tree: string } {
  const within = { GIT_DIR: remote };
  const tree = git(['rev-parse', `${commit}^{tree}`], within);
  const ref = `refs/snapshots/${tree}`;
  git(['update-ref', ref, git(['commit-tree', tree, '-m', 'snapshot'], within)], within);
  const bundle = join(remote, `${tree}.bundle`);
  git(['bundle', 'create', '--quiet', bundle, ref], within);
  return { bundle, tree };
}

export const headOf = (remote: string): string => git(['rev-parse', 'refs/heads/main'], { GIT_DIR: remote });

/** A bare repository with that commit of the factory's own copy, which keeps each that it made under a ref. Throws where it is not there. */
export function copyOf(clone: string, commit: string, into: string): string {
  git(['init', '--quiet', '--bare', into]);
  const ref = `refs/millwright/${commit}`;
  const within = { GIT_DIR: into, GIT_ALLOW_PROTOCOL: 'file' };
  try {
    git(['-c', 'gc.auto=0', 'fetch', '--quiet', '--no-tags', '--', clone, `+${ref}:${ref}`], within);
  } catch (error) {
    const why = error instanceof Error && 'stderr' in error ? String(error.stderr).split('\n')[0] : error;
    throw new Error(`${clone} does not give it (${why}); --data names the factory's data folder`);
  }
  return into;
}
