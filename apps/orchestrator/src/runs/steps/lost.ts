import type { EntryOf, Run } from '@millwright/domain';
import type { Repositories } from '../../source-control/repositories.ts';
import { fetched } from './line-up.ts';

type Ports = { repositories: Repositories };

/**
 * Looked at before a release is built, and before it is let out: what was merged is on the branch still. A remote may put a branch back after
 * it took a push, and so may a person; no release is made of a commit that no branch has.
 */
export async function lostMerge(factory: Ports, run: Run): Promise<EntryOf<'merge.lost'> | null> {
  if (run.merge?.kind !== 'finished' || run.merge.delivered !== 'merge') return null;
  const repo = await factory.repositories.open(run.repo);
  const head = await fetched(repo);
  const { commit } = run.rebuiltFrom ?? run.merge;
  if (await repo.isAncestor(commit, head.commit)) return null;
  const reason = `${commit.slice(0, 10)} was merged and is not on ${repo.branch} any more, which is at ${head.commit.slice(0, 10)}: nothing is released from it`;
  return { type: 'merge.lost', data: { commit: run.merge.commit, head: head.commit, reason } };
}
