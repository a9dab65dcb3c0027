import type { GateEvidence } from '@millwright/api';
import type { OpenTrail } from '@millwright/audit';
import type { Clock } from '@millwright/domain';
import {
  type Gate,
  getJson,
  Release,
  RepoConfig,
  type Run,
  TestReport,
  Ticket,
  testOf,
} from '@millwright/domain';
import type { Secrets, Store } from '@millwright/store';
import { comparedTree } from '../../gates/facts.ts';
import type { Repositories } from '../../source-control/repositories.ts';
import { troublesOf } from '../../source-control/setup-troubles.ts';
import type { Forward } from '../../streams/forward.ts';
import type { KnownSecrets } from '../../streams/known-secrets.ts';
import type { Register } from '../../streams/register.ts';
import type { Streams } from '../../streams/streams.ts';
import type { Views } from '../../views/views.ts';
import { diffView, planView, reviewViews, testViews } from './run-parts.ts';

type Ports = {
  clock: Clock;
  forward: Forward;
  knownSecrets: KnownSecrets;
  modelKey: boolean | null;
  register: Register;
  repositories: Repositories;
  secrets: Secrets;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
  views: Views;
};

/** All that a person who is asked about a gate needs to decide, beside the facts that it was judged on. */
export async function gateEvidence(factory: Ports, run: Run, gate: Gate): Promise<GateEvidence> {
  const { artifacts } = factory.store;
  const [ticket, config, { plan }, repository] = await Promise.all([
    getJson(artifacts, Ticket, run.ticketDigest),
    getJson(artifacts, RepoConfig, run.config),
    planView(factory, run),
    factory.repositories.open(run.repo),
  ]);
  const common = {
    ticket,
    plan,
    troubles: await troublesOf(factory, repository, run.repo, { tree: run.base.tree, config }),
  };
  const nothing = { ...common, diff: null, reviews: [], tests: null };
  switch (gate.action) {
    case 'start':
      return {
        ...nothing,
        binds: 'this ticket as it is filed: a change of its text is another ticket',
        does: [
          'agents plan and make the change in sandboxes, within its budgets',
          'nothing is merged or deployed by it: both have gates of their own',
        ],
        acts: [{ act: 'show-budgets', to: 'its budgets' }],
      };
    case 'merge':
      return run.change === null
        ? { ...nothing, ...binding(run, config) }
        : merge(factory, run, common, config);
    case 'deploy':
      return run.release === null
        ? { ...nothing, ...binding(run, config) }
        : deploy(factory, run, common, config);
  }
}

type Common = Pick<GateEvidence, 'ticket' | 'plan' | 'troubles'>;

/** What a merge gate binds and does. */
function binding(run: Run, config: RepoConfig): Pick<GateEvidence, 'binds' | 'does' | 'acts'> {
  const { change } = run;
  return {
    binds:
      change === null
        ? 'the change, which is being made again'
        : `commit ${change.commit.slice(0, 12)} (patch ${change.patchId.slice(0, 12)}): another change voids this yes, and you are asked again`,
    does: [
      `the commit lands on the branch of ${run.repo}`,
      run.deploys && config.deploy !== undefined
        ? 'then a release is built from it, tested and rehearsed, and the deploy gate is asked'
        : 'then the run is done: nothing is deployed',
    ],
    acts: [],
  };
}

async function merge(factory: Ports, run: Run, common: Common, config: RepoConfig): Promise<GateEvidence> {
  const { change } = run;
  const tested = change === null ? undefined : testOf(run, null, change.tree);
  const report = tested ? await getJson(factory.store.artifacts, TestReport, tested.report) : null;
  const of = 'the whole change';
  return {
    ...common,
    ...binding(run, config),
    diff:
      change === null
        ? null
        : await diffView(factory, run, { of, from: run.base.tree, to: change.tree }, report),
    reviews: (await reviewViews(factory, run)).filter((review) => review.current),
    tests: tested && report ? { of: 'sources', current: true, artifact: tested.report, report } : null,
  };
}

async function deploy(factory: Ports, run: Run, common: Common, config: RepoConfig): Promise<GateEvidence> {
  const { release } = run;
  if (release === null) throw new Error('a deploy gate is asked of a release');
  const { live } = factory.views.open.target(run.repo);
  const built = await getJson(factory.store.artifacts, Release, release.artifact);
  const of = live === null ? 'the whole change; nothing is live' : `everything since ${live}, which is live`;
  const from = await comparedTree(factory, run);
  const shares = live === null ? '' : `in steps of ${(config.deploy?.canary.steps ?? [100]).join(', ')} % `;
  return {
    ...common,
    binds: `release ${release.release} (${release.layer.slice(0, 19)}): these bytes and no others ship under this yes`,
    does: [
      `it gets traffic ${shares}${live === null ? 'at once: nothing serves beside it' : `beside ${live}`}, and is watched for ${Math.round((config.deploy?.canary.bake ?? 0) / 1_000)} s a step`,
      'it goes back by itself where it does worse, without another gate, and its merge is reverted',
    ],
    acts:
      run.rehearsal === null ? [] : [{ act: 'roll-back', repo: run.repo, to: 'by hand it goes back with' }],
    diff: await diffView(factory, run, { of, from, to: built.tree }, built.test),
    reviews: (await reviewViews(factory, run)).filter((review) => review.current),
    tests: (await testViews(factory, run)).findLast((one) => one.of === 'release') ?? null,
  };
}
