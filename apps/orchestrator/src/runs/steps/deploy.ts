import type { OpenTrail, Sealer } from '@millwright/audit';
import type { Clock, RepoName } from '@millwright/domain';
import {
  type EntryOf,
  getJson,
  Release,
  type ReleaseId,
  type Run,
  type TargetState,
  type Todo,
  terminal,
} from '@millwright/domain';
import type { DeployResult } from '@millwright/rollback';
import type { Secrets, Store } from '@millwright/store';
import type { Logger } from 'pino';
import { blames, demoteAfterRollback } from '../../autonomy/demote.ts';
import { whyVoid } from '../../gates/judge.ts';
import type { Deployments } from '../../releases/deployments.ts';
import { deployOf, endedAlready, giveWay, takenBy, waitBehind } from '../../releases/forward-deploy.ts';
import { freezeStuck } from '../../releases/freeze.ts';
import { beginWindow } from '../../releases/freeze-windows.ts';
import type { Pager } from '../../releases/pager.ts';
import { retirePrevious } from '../../releases/retire-previous.ts';
import type { Settings } from '../../settings.ts';
import type { Repositories } from '../../source-control/repositories.ts';
import { waitForCheckpoint } from '../../streams/await-checkpoint.ts';
import type { Forward } from '../../streams/forward.ts';
import { halted, reasonOf } from '../../streams/forward.ts';
import type { KnownSecrets } from '../../streams/known-secrets.ts';
import type { LocalLeases } from '../../streams/local-leases.ts';
import type { Register } from '../../streams/register.ts';
import { load } from '../../streams/run-stream.ts';
import type { Streams } from '../../streams/streams.ts';
import type { Journal, StepResult } from '../step.ts';

type Ports = {
  clock: Clock;
  deployments: Deployments;
  deploys: LocalLeases<RepoName>;
  forward: Forward;
  knownSecrets: KnownSecrets;
  log: Logger;
  modelKey: boolean | null;
  pager: Pager;
  register: Register;
  repositories: Repositories;
  sealer: Sealer;
  secrets: Secrets;
  settings: Settings;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
};

type Finished = EntryOf<'deploy.finished'>['data'];

/** Brings the run's release out, watched; one deploy at a time a repository, resumed after a crash or a hold. */
export async function deploy(
  factory: Ports,
  run: Run,
  step: Extract<Todo, { do: 'deploy' }>,
  journal: Journal,
): Promise<StepResult> {
  const release = run.release?.release;
  if (!release) throw terminal('step-without-input', 'there is no release to deploy');
  if (run.deploy === null) await waitForCheckpoint(factory);
  return factory.deploys.run(run.repo, async (preempted, behind) => {
    giveWay(preempted);
    const target = await factory.forward.target(run.repo);
    // Read in the lease: what a person said of it while it waited counts.
    const now = (await load(factory, run.id))?.run ?? run;
    let fence = now.deploy?.kind === 'started' ? now.deploy.fence : 0;
    const over = fence === 0 ? null : await endedAlready(factory, run.repo, release, fence);
    if (over !== null) return finished({ release, ...over });
    const gone = fence === 0 ? null : await takenBack(factory, now, target);
    if (gone !== null) return finished(await backOut(factory, run, release, fence, gone));
    if (fence === 0) {
      await waitBehind(factory, target, release);
      await beginWindow(factory, run);
      const stop = await factory.forward.stopped(deployOf(run.repo));
      if (stop !== null) throw halted(stop);
      const voided = await whyVoid(factory, run, step.gate);
      if (voided) return voided;
      fence = target.fence + 1;
      await journal({ type: 'deploy.started', data: { release, gate: step.gate, fence } });
    }
    const shipped = await superseded(factory, run, target.live);
    if (shipped) await factory.deployments.discard(run.repo, release, fence);
    const data = shipped ?? (await bringOut(factory, run, release, fence, preempted));
    behind(() => retirePrevious(factory, run.repo));
    return finished(data);
  });
}

const finished = (data: Finished): StepResult => ({ type: 'deploy.finished', data });

/** Why a deploy that was begun does not go on, as the streams have it; null where it does, or waits. */
async function takenBack(factory: Ports, run: Run, { canary }: TargetState): Promise<string | null> {
  if (run.stopAsked !== null) return `${run.stopAsked.end}: ${run.stopAsked.reason}`;
  if (canary?.release === run.release?.release && canary?.aborted)
    return `${canary.aborted.by} aborted it: ${canary.aborted.reason}`;
  const stop = await factory.forward.stopped(deployOf(run.repo));
  if (stop === null || factory.clock.now() < run.expiresAt) return null;
  return `it waited to the run's end: ${reasonOf(stop)}`;
}

/** Goes back for good from what was begun, whatever is halted or frozen. */
async function backOut(
  factory: Ports,
  run: Run,
  release: ReleaseId,
  fence: number,
  reason: string,
): Promise<Finished> {
  const result = await factory.deployments.takeBack(run.repo, { release, began: fence }, reason);
  return outcome(factory, run, release, fence, result);
}

/** The reason is its first line, said once. */
const evidenceOf = ({ reason, evidence }: { reason: string; evidence: string }): string =>
  (evidence.startsWith(reason) ? evidence : `${reason}\n${evidence}`).slice(0, 20_000);

/** Two people allowed exactly this release: the gate lets none out that cannot go back with fewer. */
const attended = (run: Run): boolean =>
  new Set(run.gates.findLast((gate) => gate.action === 'deploy')?.approvals).size >= 2;

async function bringOut(
  factory: Ports,
  run: Run,
  release: ReleaseId,
  fence: number,
  preempted: AbortSignal,
): Promise<Finished> {
  const what = `the deploy of ${release} on ${run.repo}`;
  const result = await factory.forward.during(deployOf(run.repo), what, (held) => {
    const signal = AbortSignal.any([held, preempted]);
    return factory.deployments.deploy(run.repo, release, fence, {
      attended: attended(run),
      signal,
      // What was seen of it so far is on the trail as well.
      beforePromotion: () => waitForCheckpoint(factory, signal),
    });
  });
  return outcome(factory, run, release, fence, result);
}

async function outcome(
  factory: Ports,
  run: Run,
  release: ReleaseId,
  fence: number,
  result: DeployResult,
): Promise<Finished> {
  switch (result.kind) {
    case 'promoted':
      return { release, result: 'promoted', live: release, evidence: result.evidence.slice(0, 20_000) };
    case 'held':
      if (result.stuck) await freezeStuck(factory, run.repo, release, result.stuck);
      throw halted(result.reason);
    case 'rolled_back':
      if (blames(result)) await demoteAfterRollback(factory, run.repo, [release]);
      if (result.stuck) await freezeStuck(factory, run.repo, release, result.stuck);
      return { release, result: 'rolled_back', live: result.live, evidence: evidenceOf(result) };
    case 'failed':
      if (result.stuck) await freezeStuck(factory, run.repo, release, result.stuck);
      return { release, result: 'failed', live: result.live, evidence: evidenceOf(result) };
    case 'fenced':
      return { release, ...(await takenBy(factory, run.repo, release, fence)) };
  }
}

/** A release whose commit is in the live one already has shipped with it; deploying it alone would go back. */
async function superseded(factory: Ports, run: Run, live: ReleaseId | null): Promise<Finished | null> {
  const info = live === null ? undefined : (await factory.register.look()).release(live);
  if (!info || live === null || live === run.release?.release || run.merge?.kind !== 'finished') return null;
  const { commit } = await getJson(factory.store.artifacts, Release, info.artifact);
  const repo = await factory.repositories.open(run.repo);
  if (!(await repo.isAncestor(run.merge.commit, commit))) return null;
  return {
    release: run.release?.release ?? live,
    result: 'promoted',
    live,
    evidence: `shipped as part of the later release ${live}`,
  };
}
