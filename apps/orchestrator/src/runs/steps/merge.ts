import type { OpenTrail, Sealer } from '@millwright/audit';
import type { Clock, RepoName } from '@millwright/domain';
import {
  DriveError,
  getJson,
  RepoConfig,
  type Run,
  retryable,
  type Todo,
  terminal,
} from '@millwright/domain';
import type { Secrets, Store } from '@millwright/store';
import { whyVoid } from '../../gates/judge.ts';
import { beginWindow } from '../../releases/freeze-windows.ts';
import type { Settings } from '../../settings.ts';
import type { Repositories } from '../../source-control/repositories.ts';
import type { Repository } from '../../source-control/repository.ts';
import { waitForCheckpoint } from '../../streams/await-checkpoint.ts';
import type { Forward } from '../../streams/forward.ts';
import { halted } from '../../streams/forward.ts';
import type { KnownSecrets } from '../../streams/known-secrets.ts';
import type { LocalLeases } from '../../streams/local-leases.ts';
import type { Register } from '../../streams/register.ts';
import type { Streams } from '../../streams/streams.ts';
import type { Journal, StepResult } from '../step.ts';
import { carry, fetched, lineUpRun, rewrittenUnder, toBranch, turn } from './line-up.ts';

type Ports = {
  clock: Clock;
  forward: Forward;
  knownSecrets: KnownSecrets;
  merges: LocalLeases<RepoName>;
  modelKey: boolean | null;
  register: Register;
  repositories: Repositories;
  sealer: Sealer;
  secrets: Secrets;
  settings: Settings;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
};

/**
 * Lands the change when its turn has come: one merge at a time a repository, journaled before, idempotent by looking at the remote before it
 * is tried again. Null while those before it in the merge queue are not merged.
 */
export async function merge(
  factory: Ports,
  run: Run,
  step: Extract<Todo, { do: 'merge' }>,
  journal: Journal,
): Promise<StepResult> {
  const { change } = run;
  if (!change) throw terminal('step-without-input', 'there is no change to merge');
  if (run.merge === null) {
    const comes = await turn(factory, run);
    if (comes === 'wait') return null;
    if (comes === 'stale') return lineUpRun(factory, run, journal);
  }
  await waitForCheckpoint(factory);
  return factory.merges.run(run.repo, async () => {
    if (run.merge === null) {
      const refused = await refusedByFreeze(factory, run);
      if (refused !== null) return refused;
      const stop = await factory.forward.stopped({ action: 'merge', repo: run.repo, model: null });
      if (stop !== null) throw halted(stop);
      // Since it was looked at, somebody before it may have come back.
      if ((await turn(factory, run)) !== 'now') return null;
      const voided = await whyVoid(factory, run, step.gate);
      if (voided) return voided;
      await journal({
        type: 'merge.started',
        data: { subject: change.subject, gate: step.gate, commit: change.commit, base: change.base },
      });
    }
    const repo = await factory.repositories.open(run.repo);
    const work = (await toBranch(factory, run))
      ? deliverBranch(repo, run, change, 'this repository is delivered to as a branch')
      : land(factory, repo, run, change);
    // What cannot be merged by trying again ends the run. The remote is looked at before anything is said but that it was pushed, so nothing that was pushed is called refused.
    return work.catch((error: unknown) => {
      if (error instanceof DriveError && error.disposition === 'terminal')
        return { type: 'merge.refused', data: { reason: error.message.slice(0, 4_000) } };
      throw error;
    });
  });
}

/** A repository whose file says so merges nothing while its target is frozen. */
async function refusedByFreeze(factory: Ports, run: Run): Promise<StepResult> {
  if (!run.deploys) return null;
  const window = await beginWindow(factory, run);
  // Merged now, its deploy would wait for longer than the run has, and the merge be taken back.
  const outlasts = window !== null && window.until >= run.expiresAt;
  const { deploy } = await getJson(factory.store.artifacts, RepoConfig, run.config);
  if (deploy?.whenFrozen !== 'refuse' && !outlasts) return null;
  const { frozen } = await factory.forward.target(run.repo);
  if (frozen === null) return null;
  const why = outlasts
    ? 'for longer than this run has'
    : 'and millwright.yaml says deploy.whenFrozen: refuse';
  const reason = `the target is frozen (${frozen.reason}), ${why}, so nothing was merged; once it is thawed, retry the run`;
  return { type: 'run.stop-asked', data: { end: 'failed', reason: reason.slice(0, 3_900) } };
}

type ChangeOf = NonNullable<Run['change']>;

async function land(factory: Ports, repo: Repository, run: Run, change: ChangeOf): Promise<StepResult> {
  const done = (reason: string): StepResult => ({
    type: 'merge.finished',
    data: { commit: change.commit, tree: change.tree, delivered: 'merge', ref: repo.branch, reason },
  });
  // Begun a moment ago, nobody can have pushed it yet, and the lease says whether the base moved: nothing is to be looked at first.
  const first = run.merge === null ? await repo.push(change.commit, change.base) : null;
  if (first?.kind === 'pushed') return done('fast-forward');
  const remote = await fetched(repo);
  // Killed between the push and its record, we find our own commit there.
  if (await repo.isAncestor(change.commit, remote.commit)) return done('found on the branch');
  if (remote.commit !== change.base) {
    const rewritten = await rewrittenUnder(factory, repo, run, remote);
    return carry(factory, repo, run, remote, { behind: null, rewritten });
  }
  const pushed = first?.kind === 'refused' ? first : await repo.push(change.commit, change.base);
  switch (pushed.kind) {
    case 'pushed':
      return done('fast-forward');
    case 'moved':
      throw retryable('base-moved', pushed.reason);
    case 'refused':
      return deliverBranch(repo, run, change, `the branch ${repo.branch} refused the push: ${pushed.reason}`);
  }
}

async function deliverBranch(repo: Repository, run: Run, change: ChangeOf, why: string): Promise<StepResult> {
  const branch = `millwright/${run.id}`;
  const pushed = await repo.pushBranch(change.commit, branch);
  if (pushed.kind !== 'pushed') return { type: 'merge.refused', data: { reason: pushed.reason } };
  return {
    type: 'merge.finished',
    data: { commit: change.commit, tree: change.tree, delivered: 'branch', ref: branch, reason: why },
  };
}
