import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { GitSha } from '@millwright/domain';
import { type Bundle, bundleOfBytes } from '../workspace/sources.ts';

const run = promisify(execFile);

/** A file's text, a link's target, or a script. */
export type TestFile = string | { link: string } | { script: string };

type Git = (...args: string[]) => Promise<string>;

/** Makes the trees in a repository of their own, which is gone afterwards. */
async function inRepository<T>(
  trees: readonly Record<string, TestFile>[],
  use: (git: Git, trees: GitSha[], out: string) => Promise<T>,
): Promise<T> {
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
      made.push(GitSha.parse(await git('write-tree')));
    }
    return await use(git, made, join(folder, '.git/out.bundle'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Bundles trees as parentless snapshot commits, refs `refs/snapshots/<tree>`. */
export function bundleOf(...trees: Record<string, TestFile>[]): Promise<{ bundle: Buffer; trees: GitSha[] }> {
  return inRepository(trees, async (git, made, out) => {
    for (const tree of made)
      await git('update-ref', `refs/snapshots/${tree}`, await git('commit-tree', tree, '-m', 'snapshot'));
    await git('bundle', 'create', '-q', out, ...made.map((tree) => `refs/snapshots/${tree}`));
    return { bundle: await readFile(out), trees: made };
  });
}

/** Bundles trees as the orchestrator does: each on the one before, with what that has not. `asked` counts how often the bytes of each were wanted. */
export function chainOf(
  ...trees: Record<string, TestFile>[]
): Promise<{ bundles: Bundle[]; trees: GitSha[]; asked: number[] }> {
  return inRepository(trees, async (git, made, out) => {
    const asked = made.map(() => 0);
    const bundles: Bundle[] = [];
    let before: string | null = null;
    for (const [nth, tree] of made.entries()) {
      const on: string[] = before === null ? [] : ['-p', before];
      const commit: string = await git('commit-tree', tree, ...on, '-m', `no. ${nth}`);
      await git('update-ref', `refs/history/${tree}`, commit);
      const not = before === null ? [] : ['--not', before];
      await git('bundle', 'create', '-q', out, `refs/history/${tree}`, ...not);
      const bytes = await readFile(out);
      bundles.push({
        ...bundleOfBytes(bytes),
        bytes: async () => {
          asked[nth] = (asked[nth] ?? 0) + 1;
          return bytes;
        },
      });
      before = commit;
    }
    return { bundles, trees: made, asked };
  });
}

/** The nth tree of a bundle; throws when there is none. */
export function nth(trees: readonly GitSha[], index: number): GitSha {
  const tree = trees[index];
  if (tree === undefined) throw new Error(`no tree ${index}`);
  return tree;
}
