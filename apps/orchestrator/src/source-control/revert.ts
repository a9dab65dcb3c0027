import type { Clock } from '@millwright/domain';
import { type GitSha, type RepoName, retryable } from '@millwright/domain';
import type { LocalLeases } from '../streams/local-leases.ts';
import type { Repositories } from './repositories.ts';
import type { Repository } from './repository.ts';

type Ports = { clock: Clock; merges: LocalLeases<RepoName>; repositories: Repositories };

type Reverted = { commit: GitSha | null; ref: string; reason: string };

/** Whose work it was is looked for in so many commits that touch the same files. */
const MOST_COMMITS = 50;

/**
 * Takes what a commit changed off the branch, by a new commit. Idempotent: whether it is there is read off the trees, never off a message.
 * Conflicts are left to a person, and said.
 */
export const revertMerge = (factory: Ports, name: RepoName, commit: GitSha, trailer: string) =>
  setMerge(factory, name, commit, 'out', trailer);

/** Puts what a commit changed back on the branch, by a new commit; as idempotent. */
export const restoreMerge = (factory: Ports, name: RepoName, commit: GitSha, trailer: string) =>
  setMerge(factory, name, commit, 'in', trailer);

/** The newest commit of the branch that made it so. */
async function madeBy(
  repo: Repository,
  head: GitSha,
  commit: GitSha,
  wanted: 'in' | 'out',
): Promise<GitSha | null> {
  const { commit: before } = await repo.at(`${commit}^`);
  const paths = (await repo.changed(before, commit)).map(({ path }) => path);
  if (paths.length === 0) return null;
  for (const one of await repo.touching(head, commit, paths, MOST_COMMITS)) {
    const { commit: parent } = await repo.at(`${one}^`);
    if ((await repo.holds(one, commit)) === wanted && (await repo.holds(parent, commit)) !== wanted)
      return one;
  }
  return null;
}

async function setMerge(
  factory: Ports,
  name: RepoName,
  commit: GitSha,
  wanted: 'in' | 'out',
  trailer: string,
): Promise<Reverted> {
  return factory.merges.run(name, async () => {
    const repo = await factory.repositories.open(name);
    const head = await repo.fetch();
    if ('kind' in head) throw retryable('remote', `${repo.url}: ${head.reason}`);
    if ((await repo.holds(head.commit, commit)) === wanted) {
      const by = await madeBy(repo, head.commit, commit, wanted);
      if (by !== null) return { commit: by, ref: repo.branch, reason: 'found on the branch' };
      return wanted === 'in'
        ? { commit: null, ref: repo.branch, reason: 'it was never reverted' }
        : { commit: head.commit, ref: repo.branch, reason: 'the branch does not hold it any more' };
    }
    const title = await repo.title(commit);
    const message = (
      wanted === 'out'
        ? [`Revert "${title}"`, 'Its release was rolled back.', `Millwright-Reverts: ${commit}\n${trailer}\n`]
        : [`Reapply "${title}"`, 'Its release serves again.', `${trailer}\n`]
    ).join('\n\n');
    const merged = await repo[wanted === 'out' ? 'revert' : 'reapply'](
      head.commit,
      commit,
      message,
      factory.clock.now(),
    );
    if (merged.kind === 'conflict')
      return {
        commit: null,
        ref: repo.branch,
        reason: `the revert conflicts in ${merged.paths.join(', ')}: revert ${commit} by hand`,
      };
    const pushed = await repo.push(merged.commit, head.commit);
    if (pushed.kind === 'moved') throw retryable('base-moved', pushed.reason);
    if (pushed.kind === 'refused') {
      const branch = `millwright/revert-${commit.slice(0, 12)}`;
      const beside = await repo.pushBranch(merged.commit, branch);
      const reason = `the branch ${repo.branch} refused the push: ${pushed.reason}`;
      if (beside.kind === 'pushed') return { commit: merged.commit, ref: branch, reason };
      return {
        commit: null,
        ref: repo.branch,
        reason: `${reason}; and ${branch} could not be made (${beside.reason}): revert ${commit} by hand`,
      };
    }
    return { commit: merged.commit, ref: repo.branch, reason: 'reverted by a new commit' };
  });
}
