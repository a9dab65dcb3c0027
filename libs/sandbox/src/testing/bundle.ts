import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { GitSha } from '@millwright/domain';

const run = promisify(execFile);

/** A file's text, a link's target, or a script. */
export type TestFile = string | { link: string } | { script: string };

/** Bundles trees as the orchestrator does: parentless snapshot commits, refs `refs/snapshots/<tree>`. */
export async function bundleOf(
  ...trees: Record<string, TestFile>[]
): Promise<{ bundle: Buffer; trees: GitSha[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'millwright-bundle-'));
  const git = async (...args: string[]) => {
    const { stdout } = await run('git', ['-C', folder, '-c', 'core.hooksPath=/dev/null', ...args], {
      env: {
        PATH: process.env.PATH,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_AUTHOR_NAME: 'a',
        GIT_AUTHOR_EMAIL: 'a@b.invalid',
        GIT_COMMITTER_NAME: 'a',
        GIT_COMMITTER_EMAIL: 'a@b.invalid',
      },
    });
    return stdout.trim();
  };
  try {
    await git('init', '-q');
    await writeFile(join(folder, '.git/info/attributes'), '* -text -ident -filter -working-tree-encoding\n');
    const made: GitSha[] = [];
    for (const files of trees) {
      await git('read-tree', '--empty');
      for (const [path, file] of Object.entries(files)) {
        const full = join(folder, path);
        await rm(full, { recursive: true, force: true });
        await mkdir(dirname(full), { recursive: true });
        if (typeof file === 'string') await writeFile(full, file);
        else if ('link' in file) await symlink(file.link, full);
        else {
          await writeFile(full, file.script);
          await chmod(full, 0o755);
        }
        await git('update-index', '--add', '--', path);
      }
      const tree = GitSha.parse(await git('write-tree'));
      const commit = await git('commit-tree', tree, '-m', 'snapshot');
      await git('update-ref', `refs/snapshots/${tree}`, commit);
      made.push(tree);
    }
    const out = join(folder, '.git/out.bundle');
    await git('bundle', 'create', '-q', out, ...made.map((tree) => `refs/snapshots/${tree}`));
    return { bundle: await readFile(out), trees: made };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The nth tree of a bundle; throws when there is none. */
export function nth(trees: readonly GitSha[], index: number): GitSha {
  const tree = trees[index];
  if (tree === undefined) throw new Error(`no tree ${index}`);
  return tree;
}
