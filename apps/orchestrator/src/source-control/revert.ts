import { type GitSha, type RepoName, retryable } from '@millwright/domain';
import type { Factory } from '../factory.ts';
import type { Repository } from './repository.ts';

type Reverted = { commit: GitSha | null; ref: string; reason: string };

/** Idempotent: the revert of a commit is known by its trailer. Conflicts are left to a person, and said. */
export const revertMerge = (factory: Factory, name: RepoName, commit: GitSha, trailer: string) =>
  setMerge(factory, name, commit, 'out', trailer);

/** Takes the revert of a commit back, by a new commit; as idempotent. */
export const restoreMerge = (factory: Factory, name: RepoName, commit: GitSha, trailer: string) =>
  setMerge(factory, name, commit, 'in', trailer);

const mark = (commit: GitSha): string => `Millwright-Reverts: ${commit}`;

/** The newest commit of the chain commit ← revert ← revert of the revert ← …, and whether the first one's change is in the branch. */
async function tipOf(repo: Repository, head: GitSha, commit: GitSha) {
  let [tip, isIn]: [GitSha, boolean] = [commit, true];
  for (;;) {
    const next = await repo.commitSaying(head, tip, mark(tip));
    if (next === null) return { tip, isIn };
    [tip, isIn] = [next, !isIn];
  }
}

async function setMerge(
  factory: Factory,
  name: RepoName,
  commit: GitSha,
  wanted: 'in' | 'out',
  trailer: string,
): Promise<Reverted> {
  return factory.merges.run(name, async () => {
    const repo = await factory.repositories.open(name);
    const head = await repo.fetch();
    if ('kind' in head) throw retryable('remote', `${repo.url}: ${head.reason}`);
    const { tip, isIn } = await tipOf(repo, head.commit, commit);
    if (isIn === (wanted === 'in')) {
      if (tip === commit) return { commit: null, ref: repo.branch, reason: 'it was never reverted' };
      return { commit: tip, ref: repo.branch, reason: 'found on the branch' };
    }
    const title = await repo.title(commit);
    const message =
      wanted === 'out'
        ? `Revert "${title}"\n\nIts release was rolled back.`
        : `Reapply "${title}"\n\nIts release serves again.`;
    const merged = await repo.revert(
      head.commit,
      tip,
      `${message}\n\n${mark(tip)}\n${trailer}\n`,
      factory.clock.now(),
    );
    if (merged.kind === 'conflict')
      return {
        commit: null,
        ref: repo.branch,
        reason: `the revert conflicts in ${merged.paths.join(', ')}: revert ${tip} by hand`,
      };
    const pushed = await repo.push(merged.commit, head.commit);
    if (pushed.kind === 'moved') throw retryable('base-moved', pushed.reason);
    if (pushed.kind === 'refused') {
      const branch = `millwright/revert-${tip.slice(0, 12)}`;
      await repo.pushBranch(merged.commit, branch);
      return {
        commit: merged.commit,
        ref: branch,
        reason: `the branch ${repo.branch} refused the push: ${pushed.reason}`,
      };
    }
    return { commit: merged.commit, ref: repo.branch, reason: 'reverted by a new commit' };
  });
}
