import type { OpenTrail, Sealer } from '@millwright/audit';
import type { Clock } from '@millwright/domain';
import {
  type Actor,
  DriveError,
  Facts,
  leftBehind,
  movedLast,
  type PersonId,
  putJson,
  type ReleaseId,
  type RepoName,
} from '@millwright/domain';
import type { Secrets, Store } from '@millwright/store';
import type { Logger } from 'pino';
import { blames, demoteAfterRollback } from '../autonomy/demote.ts';
import { factsFor } from '../gates/facts.ts';
import { decide } from '../gates/judge.ts';
import type { Settings } from '../settings.ts';
import type { Repositories } from '../source-control/repositories.ts';
import { restoreMerge } from '../source-control/revert.ts';
import { waitForCheckpoint } from '../streams/await-checkpoint.ts';
import type { Forward } from '../streams/forward.ts';
import { halted, reasonOf, type Stop } from '../streams/forward.ts';
import type { KnownSecrets } from '../streams/known-secrets.ts';
import type { AfterRelease, LocalLeases } from '../streams/local-leases.ts';
import type { Register } from '../streams/register.ts';
import { load } from '../streams/run-stream.ts';
import type { Streams } from '../streams/streams.ts';
import type { Deployments } from './deployments.ts';
import { deployOf, endedAlready, giveWay, takenBy } from './forward-deploy.ts';
import { freezeStuck } from './freeze.ts';
import type { Pager } from './pager.ts';
import { retirePrevious } from './retire-previous.ts';

type Ports = {
  clock: Clock;
  deployments: Deployments;
  deploys: LocalLeases<RepoName>;
  forward: Forward;
  knownSecrets: KnownSecrets;
  log: Logger;
  merges: LocalLeases<RepoName>;
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

// `rollback undo`: forward again to what a rollback left. A deploy like any other, judged by the deploy gate's policy on facts of now; whoever
// asks is one approval, where they are an enrolled approver without a hand in it. Where two are needed, two people ask.

/** A deploy that fails to be carried out (the engine is away) is tried so often; then it is given up as failed. */
const TRIES = 6;
const FIRST_WAIT_MS = 1_000;
/** Between two looks whether it may go forward now. */
const AGAIN_MS = 500;

export type Asked =
  | { kind: 'none'; reason: string }
  | { kind: 'stopped'; stop: Stop }
  | { kind: 'waits'; release: ReleaseId; needs: number; reason: string }
  | { kind: 'denied'; release: ReleaseId; reason: string; stop: Stop | null }
  | { kind: 'started'; release: ReleaseId; reason: string };

/** Judges, records, and where it is allowed starts; the deploy itself goes on after the answer. */
export async function requestRedeploy(factory: Ports, repo: RepoName, actor: Actor): Promise<Asked> {
  const asked = await factory.deploys.run(repo, (preempted) => judge(factory, repo, actor, preempted));
  if (asked.kind === 'started') void performRedeploy(factory, repo);
  return asked;
}

async function judge(factory: Ports, repo: RepoName, actor: Actor, preempted: AbortSignal): Promise<Asked> {
  giveWay(preempted);
  const target = await factory.forward.target(repo);
  // A halt passes: it is waited for, and is no deny. A freeze is the policy's to judge.
  const stop = await factory.forward.stopped(deployOf(repo));
  if (stop?.kind === 'halted') return { kind: 'stopped', stop };
  const release = leftBehind(target);
  const info = release === null ? undefined : (await factory.register.look()).release(release);
  const run = info && (await load(factory, info.run))?.run;
  if (release === null || target.live === null || !info || !run)
    return { kind: 'none', reason: `no rollback of ${repo} is there to undo: the last release was deployed` };
  if (target.canary !== null)
    return {
      kind: 'none',
      reason: `${target.canary.release} is on its way to serve: ${target.canary.held ?? `its canary has ${target.canary.percent} % of traffic`}`,
    };
  if (target.undo?.kind === 'started')
    return { kind: 'none', reason: `${target.undo.release} is being deployed again already` };
  const now = factory.clock.now();
  const person = actor as string as PersonId;
  const before =
    target.undo?.kind === 'asked' && target.undo.release === release && target.undo.live === target.live
      ? target.undo.by.filter((one) => one.person !== person && one.at > now - factory.settings.gateMs)
      : [];
  const by = [...before, { person, at: now }];
  const judged = await factsFor(factory, run, 'deploy', info.artifact, {
    approvals: by,
    expiresAt: now + factory.settings.gateMs,
  });
  const facts = await withoutThisRollback(factory, judged, movedLast(target));
  const { decided } = await decide(factory, run, facts);
  const { live } = target;
  await factory.deployments.append(
    repo,
    {
      type: 'undo.asked',
      data: {
        release,
        live,
        subject: info.artifact,
        ...decided,
        facts: await putJson(factory.store.artifacts, Facts, facts),
        reason: decided.reason.slice(0, 4_000),
      },
    },
    actor,
  );
  const { reason } = decided;
  switch (decided.decision) {
    case 'deny':
      return { kind: 'denied', release, reason, stop };
    case 'needs_approval':
      return { kind: 'waits', release, needs: decided.approvals, reason };
    case 'allow':
      await waitForCheckpoint(factory, preempted);
      await factory.deployments.append(repo, {
        type: 'undo.started',
        data: { release, live, fence: target.fence + 1 },
      });
      return { kind: 'started', release, reason };
  }
}

/** A rollback by hand puts what it leaves in quarantine; undoing it is a person's word too. What a canary took back stays there. */
async function withoutThisRollback(
  { register }: Ports,
  facts: Facts,
  left: readonly ReleaseId[],
): Promise<Facts> {
  if (facts.action !== 'deploy') return facts;
  const byHand = new Set(
    (await register.look())
      .quarantine(facts.repo)
      .filter((one) => one.by === 'rollback' && left.includes(one.release))
      .map((one) => one.release),
  );
  return { ...facts, quarantine: facts.quarantine.filter((one) => !byHand.has(one.release)) };
}

/** At start: what a killed factory was deploying again goes on. */
export async function resumeRedeploys(factory: Ports): Promise<void> {
  for (const repo of (await factory.register.look()).repositories())
    if ((await factory.forward.target(repo)).undo?.kind === 'started') void performRedeploy(factory, repo);
}

/** Never rejects: what happens is on the trail, or the next start takes it up. What is halted or frozen waits, as long as a gate would. */
async function performRedeploy(factory: Ports, repo: RepoName): Promise<void> {
  for (let tries = 1; ; ) {
    try {
      return await factory.deploys.run(repo, (preempted, behind) =>
        redeploy(factory, repo, tries >= TRIES, preempted, behind),
      );
    } catch (error) {
      const code = error instanceof DriveError ? error.code : null;
      if (error instanceof DriveError && error.disposition === 'cancelled') return;
      if (factory.forward.closed()) return;
      if (code === 'halted' || code === 'gives-way') {
        await factory.clock.sleep(AGAIN_MS);
        continue;
      }
      factory.log.warn({ repo, tries, err: error }, 'a release could not be deployed again yet');
      if (tries >= TRIES) return;
      await factory.clock.sleep(FIRST_WAIT_MS * 2 ** (tries - 1));
      tries += 1;
    }
  }
}

async function redeploy(
  factory: Ports,
  repo: RepoName,
  last: boolean,
  preempted: AbortSignal,
  behind: AfterRelease,
): Promise<void> {
  giveWay(preempted);
  const { undo, live, canary, history } = await factory.forward.target(repo);
  if (undo?.kind !== 'started') return;
  const { release, fence } = undo;
  // Also where it serves already, its factory having been killed before it said so.
  const left = movedLast({ history });
  const stop = await factory.forward.stopped(deployOf(repo));
  const late = stop !== null && factory.clock.now() >= undo.at + factory.settings.gateMs;
  const gone =
    canary?.release === release && canary.aborted !== null
      ? `${canary.aborted.by} aborted it: ${canary.aborted.reason}`
      : late
        ? `it waited too long: ${reasonOf(stop)}`
        : null;
  const over = await endedAlready(factory, repo, release, fence);
  const what = `the deploy of ${release} on ${repo}, again`;
  const go = (signal: AbortSignal) =>
    factory.deployments.deploy(repo, release, fence, {
      signal,
      beforePromotion: () => waitForCheckpoint(factory, signal),
    });
  const finish = (data: {
    result: 'promoted' | 'rolled_back' | 'failed';
    live: ReleaseId | null;
    evidence: string;
  }) =>
    factory.deployments.append(repo, {
      type: 'undo.finished',
      data: { release, ...data, evidence: data.evidence.slice(0, 20_000) },
    });
  if (over !== null) return finish(over);
  const result = await (gone === null
    ? factory.forward.during(deployOf(repo), what, (held) => go(AbortSignal.any([held, preempted])))
    : factory.deployments.takeBack(repo, { release, began: fence }, gone)
  ).catch((error: unknown) => {
    if (!last || (error instanceof DriveError && error.code === 'halted')) throw error;
    return { kind: 'given_up' as const, reason: error instanceof Error ? error.message : String(error) };
  });
  switch (result.kind) {
    case 'promoted':
      behind(() => retirePrevious(factory, repo));
      await finish({
        result: 'promoted',
        live: release,
        evidence: await restored(factory, repo, left, result.evidence),
      });
      return;
    case 'held':
      if (result.stuck) await freezeStuck(factory, repo, release, result.stuck);
      throw halted(result.reason);
    case 'rolled_back':
    case 'failed':
      if (blames(result)) await demoteAfterRollback(factory, repo, [release]);
      await finish({
        result: result.kind,
        live: result.live,
        evidence: `${result.reason}\n${result.evidence}`,
      });
      if (result.stuck) await freezeStuck(factory, repo, release, result.stuck);
      return;
    case 'fenced':
      await finish(await takenBy(factory, repo, release, fence));
      return;
    case 'given_up':
      await finish({ result: 'failed', live, evidence: result.reason });
  }
}

/** The branch holds again what serves again: the merges that the rollback took back are put back by new commits, oldest first. */
async function restored(
  factory: Ports,
  repo: RepoName,
  left: readonly ReleaseId[],
  evidence: string,
): Promise<string> {
  const said: string[] = [];
  for (const release of [...left].reverse()) {
    const merge = (await factory.register.look()).runOf(release)?.merge;
    if (merge?.kind !== 'finished') continue;
    const { commit: merged } = merge;
    try {
      const { commit, reason } = await restoreMerge(factory, repo, merged, `Millwright-Undo: ${release}`);
      said.push(commit === null ? reason : `${merged.slice(0, 10)} is back as ${commit.slice(0, 10)}`);
    } catch (error) {
      // It serves, which is what was asked; the branch is a person's to mend.
      const why = error instanceof Error ? error.message : String(error);
      said.push(`${merged} could not be put back on the branch, do it by hand: ${why}`);
    }
  }
  return [said.join('; '), evidence].filter((text) => text !== '').join('\n');
}
