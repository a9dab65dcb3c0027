import { type GitSha, type Historic, PatchId } from '@millwright/domain';
import { shapeOf } from '@millwright/policy';
import { Memo } from './memo.ts';
import { DIFF, type Repository } from './repository.ts';

/** Every gate is judged up to three times, each time on the same commits. Long histories are read anew. */
const HELD_COMMITS = 200;
const read = new WeakMap<Repository, Memo<Historic[]>>();

/**
 * The commits of `head` that are not in the past of `bad` and touch what it touches, oldest first, with their patches: all that can hold
 * its patch or take it back. A merge counts as what it brings to its first parent.
 */
export function historySince(repo: Repository, head: GitSha, bad: GitSha): Promise<Historic[]> {
  const held = read.get(repo) ?? new Memo<Historic[]>(64, (history) => history.length <= HELD_COMMITS);
  read.set(repo, held);
  return held.of([head, bad], () => readSince(repo, head, bad));
}

async function readSince(repo: Repository, head: GitSha, bad: GitSha): Promise<Historic[]> {
  const before = await repo.at(`${bad}^`);
  const [first] = await repo.changed(before.commit, bad);
  if (first === undefined) return [];
  const range = ['--topo-order', '--reverse', '--full-history', head, `^${before.commit}`, '--', first.path];
  const env = { GIT_LITERAL_PATHSPECS: '1' };
  const [log, claims] = await Promise.all([
    repo.git.must(
      ['log', '--format=commit %H', '-p', '--full-diff', '--diff-merges=first-parent', ...DIFF, ...range],
      { env },
    ),
    repo.git.text(['log', '--format=%H', '--regexp-ignore-case', '--grep=revert', ...range], { env }),
  ]);
  const lines = (await repo.git.text(['patch-id', '--verbatim'], { input: log })).split('\n').filter(Boolean);
  const shapes = shapesIn(log.toString('utf8'));
  const commits = lines.map((line) => {
    const [patch, name] = line.split(' ');
    const commit = name as GitSha;
    return { commit, patch: PatchId.parse(patch), shape: shapes.get(commit) ?? null };
  });
  const own = commits.find((one) => one.commit === bad)?.patch;
  const copies = [bad, ...commits.filter((one) => one.patch === own).map((one) => one.commit)];
  return Promise.all(
    commits.map(async (one) => ({
      ...one,
      // Only what says that it reverts is tried; what it says is not believed.
      undoes: claims.includes(one.commit) && (await undoesAny(repo, one.commit, [...new Set(copies)])),
    })),
  );
}

/** Of `git log --format='commit %H' -p`. No line of a patch reads so: content begins with a mark, and binary data has no spaces. */
function shapesIn(log: string): Map<GitSha, string | null> {
  const parts = log.split(/^commit ([0-9a-f]{40,64})$/m).slice(1);
  return new Map(
    parts.flatMap((part, at) =>
      at % 2 === 0 ? [[part as GitSha, shapeOf(parts[at + 1] ?? '')] as const] : [],
    ),
  );
}

/** Whether the commit's tree is what taking one of `bads` back from its parent's tree gives. */
async function undoesAny(repo: Repository, commit: GitSha, bads: readonly GitSha[]): Promise<boolean> {
  const [{ tree }, parent] = await Promise.all([repo.at(commit), repo.at(`${commit}^`)]);
  for (const bad of bads) {
    const before = await repo.at(`${bad}^`);
    if ((await repo.mergedTree(bad, parent.commit, before.commit)) === tree) return true;
  }
  return false;
}
