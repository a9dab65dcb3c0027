import type { Clock, RepoName } from '@millwright/domain';
import {
  DriveError,
  type GitSha,
  getJson,
  Release,
  type ReleaseId,
  type Run,
  terminal,
} from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { Repositories } from '../../source-control/repositories.ts';
import { revertMerge } from '../../source-control/revert.ts';
import type { Forward } from '../../streams/forward.ts';
import type { LocalLeases } from '../../streams/local-leases.ts';
import type { Register } from '../../streams/register.ts';
import type { Journal, StepResult } from '../step.ts';

type Ports = {
  clock: Clock;
  forward: Forward;
  merges: LocalLeases<RepoName>;
  register: Register;
  repositories: Repositories;
  store: Store;
};

/** Takes the run's merge back by a new commit. Waits for no gate and no halt: going back is never harder than going forward. */
export async function revert(factory: Ports, run: Run, journal: Journal): Promise<StepResult> {
  if (run.merge?.kind !== 'finished')
    throw terminal('step-without-input', 'nothing was merged that could be reverted');
  const { commit } = run.merge;
  if (run.revert === null) await journal({ type: 'revert.started', data: { commit } });
  const carrier = run.deploy === null ? await servedBy(factory, run.repo, commit) : null;
  if (carrier !== null) {
    const reason = `it serves as part of ${carrier}, which a person let out: nothing is taken back`;
    return { type: 'revert.finished', data: { commit: null, ref: carrier, reason } };
  }
  const done = await revertMerge(factory, run.repo, commit, `Millwright-Run: ${run.id}`).catch(
    (error: unknown) => {
      if (error instanceof DriveError && error.disposition === 'terminal')
        return { commit: null, ref: '', reason: `${error.message}: revert ${commit} by hand` };
      throw error;
    },
  );
  return { type: 'revert.finished', data: done };
}

/** The live release, where it carries this merge of another run: then the branch stays as what serves. */
async function servedBy(factory: Ports, name: Run['repo'], commit: GitSha): Promise<ReleaseId | null> {
  const { live } = await factory.forward.target(name);
  const info = live === null ? undefined : (await factory.register.look()).release(live);
  if (live === null || info === undefined) return null;
  const release = await getJson(factory.store.artifacts, Release, info.artifact);
  const repo = await factory.repositories.open(name);
  return (await repo.isAncestor(commit, release.commit)) ? live : null;
}
