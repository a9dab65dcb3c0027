import type { OpenTrail } from '@millwright/audit';
import type { Clock, RepoName } from '@millwright/domain';
import {
  type EntryOf,
  fenceFor,
  getJson,
  RepoConfig,
  type Run,
  retryable,
  sendsBack,
  terminal,
} from '@millwright/domain';
import { irreversibleText } from '@millwright/policy';
import type { Secrets, Store } from '@millwright/store';
import type { Logger } from 'pino';
import { blames, demoteAfterRollback } from '../../autonomy/demote.ts';
import { factsFor, irreversibleSince } from '../../gates/facts.ts';
import { decide } from '../../gates/judge.ts';
import type { Deployments } from '../../releases/deployments.ts';
import { deployOf, giveWay, waitBehind } from '../../releases/forward-deploy.ts';
import type { Repositories } from '../../source-control/repositories.ts';
import type { Forward } from '../../streams/forward.ts';
import { halted } from '../../streams/forward.ts';
import type { KnownSecrets } from '../../streams/known-secrets.ts';
import type { LocalLeases } from '../../streams/local-leases.ts';
import type { Register } from '../../streams/register.ts';
import type { Streams } from '../../streams/streams.ts';
import type { StepResult } from '../step.ts';
import { outdated } from './outdated.ts';

type Ports = {
  clock: Clock;
  deployments: Deployments;
  deploys: LocalLeases<RepoName>;
  forward: Forward;
  knownSecrets: KnownSecrets;
  log: Logger;
  modelKey: boolean | null;
  register: Register;
  repositories: Repositories;
  secrets: Secrets;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
};

type Rehearsed = EntryOf<'release.rehearsed'>['data'];

/**
 * Before the deploy gate is asked: the release runs beside the live one without traffic, and goes forth and back. What cannot be taken back
 * is not started at all until people allowed it, since a migration may run when a release starts. What nobody has allowed yet, neither people
 * nor the policy by itself, runs without the repository's secrets and volumes.
 */
export async function rehearse(factory: Ports, run: Run): Promise<StepResult> {
  const release = run.release?.release;
  if (!release) throw terminal('step-without-input', 'there is no release to rehearse');
  return factory.deploys.run(run.repo, async (preempted) => {
    giveWay(preempted);
    const what = `the rehearsal of ${release} on ${run.repo}`;
    return factory.forward.during(deployOf(run.repo), what, (held) =>
      forthAndBack(factory, run, release, AbortSignal.any([held, preempted])),
    );
  });
}

async function forthAndBack(
  factory: Ports,
  run: Run,
  release: Rehearsed['release'],
  signal: AbortSignal,
): Promise<StepResult> {
  const target = await factory.forward.target(run.repo);
  await waitBehind(factory, target, release);
  const fence = fenceFor(target, release);
  const entry = (data: Partial<Rehearsed> & Pick<Rehearsed, 'result'>): StepResult => ({
    type: 'release.rehearsed',
    data: {
      release,
      fence,
      to: target.live,
      ms: null,
      at: factory.clock.now(),
      reason: '',
      evidence: '',
      ...data,
    },
  });
  const anew = await outdated(factory, run);
  if (anew !== null) {
    await factory.deployments.discard(run.repo, release, fence);
    return anew;
  }
  const never = irreversibleText(await irreversibleSince(factory, run));
  if (never !== null) return entry({ result: 'no_undo', reason: never });

  const holds = await holdsSecrets(factory, run);
  const secrets = !holds || (await allowedAlone(factory, run));
  const result = await factory.deployments.rehearse(run.repo, release, fence, { signal, secrets });
  if (signal.aborted) throw halted(String(signal.reason));
  if (!secrets && !(result.kind === 'rehearsed' && result.rehearsal.possible) && result.kind !== 'fenced') {
    await factory.deployments.discard(run.repo, release, fence);
    return entry({ result: 'later', reason: LATER });
  }
  switch (result.kind) {
    case 'fenced':
      throw retryable('fenced', 'a later deploy or rollback took the target');
    case 'held':
      throw halted(result.reason);
    case 'rolled_back':
      if (blames(result)) await demoteAfterRollback(factory, run.repo, [release]);
      return entry({ result: 'unhealthy', ...told(result.reason, result.evidence) });
    case 'failed':
      return entry({ result: 'failed', ...told(result.reason, result.evidence) });
    case 'rehearsed': {
      const { rehearsal, to } = result;
      if (rehearsal.possible) return entry({ result: 'works', to, ms: Math.round(rehearsal.ms) });
      if (rehearsal.fault === 'undo') return entry({ result: 'no_undo', to, ...told(rehearsal.reason) });
      await factory.deployments.discard(run.repo, release, fence);
      await demoteAfterRollback(factory, run.repo, [release]);
      return entry({ result: 'unhealthy', to, ...told(rehearsal.reason, rehearsal.reason) });
    }
  }
}

const LATER =
  "it does not run without the repository's secrets and volumes, which it is given once its deploy is allowed: its undo is rehearsed then, before any traffic";

async function holdsSecrets(factory: Ports, run: Run): Promise<boolean> {
  const { deploy } = await getJson(factory.store.artifacts, RepoConfig, run.config);
  return deploy !== undefined && deploy.secrets.length + Object.keys(deploy.volumes).length > 0;
}

/** Whether the deploy gate would let it out with nobody asked, once its undo is seen to work. */
async function allowedAlone(factory: Ports, run: Run): Promise<boolean> {
  if (!run.release) return false;
  const facts = await factsFor(factory, run, 'deploy', run.release.artifact, null);
  if (facts.action !== 'deploy') return false;
  const undo = { ...facts.undo, possible: true, rehearsed: true, ms: 0, at: factory.clock.now(), why: null };
  return (await decide(factory, run, { ...facts, undo })).decided.decision === 'allow';
}

/** The first line of the evidence says what happened, as for a deploy: the reopened ticket shows it. */
const told = (reason: string, evidence = '') => ({
  reason: reason.slice(0, 4_000),
  evidence: `${reason}\n${evidence}`.slice(0, 20_000),
});

/** A release that was made to run for its rehearsal, and goes nowhere, is stopped. The run ends all the same: a leftover has no traffic. */
export async function discardRehearsed(factory: Ports, run: Run): Promise<void> {
  const release = run.release?.release;
  if (!release || (run.release !== null && sendsBack(run.release.verdict)) || run.deploy !== null) return;
  await factory.deploys.run(run.repo, async () => {
    try {
      const fence = fenceFor(await factory.forward.target(run.repo), release);
      await factory.deployments.discard(run.repo, release, fence);
    } catch (error) {
      factory.log.warn(
        { run: run.id, release, err: error },
        'what was rehearsed runs on without traffic; the next deploy stops it',
      );
    }
  });
}
