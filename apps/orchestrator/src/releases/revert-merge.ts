import { type Clock, DriveError, type GitSha, type ReleaseId, type RepoName } from '@millwright/domain';
import type { Repositories } from '../source-control/repositories.ts';
import { revertMerge } from '../source-control/revert.ts';
import type { LocalLeases } from '../streams/local-leases.ts';
import type { Register } from '../streams/register.ts';
import type { Deployments } from './deployments.ts';

type Ports = {
  clock: Clock;
  deployments: Deployments;
  merges: LocalLeases<RepoName>;
  register: Register;
  repositories: Repositories;
};

/** `commit`: null where it is left to a person, and then `reason` says why. */
export type RevertedMerge = { merged: GitSha; commit: GitSha | null; ref: string; reason: string };

/** A remote that is away, or a branch that moves, is asked again after these. Milliseconds. */
const PAUSES: readonly number[] = [250, 1_000, 4_000];

async function asking<T>(clock: Clock, act: () => Promise<T>, pauses = PAUSES): Promise<T> {
  const [pause, ...rest] = pauses;
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof DriveError) || error.disposition !== 'retryable' || pause === undefined)
      throw error;
  }
  await clock.sleep(pause);
  return asking(clock, act, rest);
}

/**
 * Takes back, by a new commit, the merge behind a release that a person rolled back; null where nothing was merged. Its run is closed, so intent
 * and outcome are on the target's stream. A failure is an outcome too: the traffic is back, and that is not undone by it.
 */
export async function revertMergeOf(
  factory: Ports,
  repo: RepoName,
  release: ReleaseId,
): Promise<RevertedMerge | null> {
  const merge = (await factory.register.lookOrLast()).runOf(release)?.merge;
  if (merge?.kind !== 'finished') return null;
  const merged = merge.commit;
  await factory.deployments.note(repo, { type: 'target.revert-started', data: { release, commit: merged } });
  const take = () => revertMerge(factory, repo, merged, `Millwright-Rollback: ${release}`);
  const done = await asking(factory.clock, take).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    const unknown = error instanceof DriveError && error.disposition === 'retryable';
    const so = unknown ? 'may not have been reverted' : 'was not reverted';
    const reason = `${merged.slice(0, 10)} ${so} (${why}): look at the branch, and revert it by hand where it is there`;
    return { commit: null, ref: '', reason };
  });
  const { commit, ref, reason } = done;
  const data = { release, commit, ref, reason: reason.slice(0, 4_000) };
  await factory.deployments.note(repo, { type: 'target.revert-finished', data });
  return { merged, commit, ref, reason };
}
