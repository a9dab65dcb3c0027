import type { ReleaseView } from '@millwright/api';
import type { Fold, ReleaseInfo, Run, TargetInfo } from '@millwright/domain';
import { candidates, getJson, JudgedFacts, leftOf, Release, type RunId, type Undo } from '@millwright/domain';
import type { Secrets, Store } from '@millwright/store';
import type { FastifyInstance } from 'fastify';
import type { Deployments } from '../../releases/deployments.ts';
import { contentsOfEach, type ReleaseContents, releaseContents } from '../../releases/release-contents.ts';
import type { Settings } from '../../settings.ts';
import type { Repositories } from '../../source-control/repositories.ts';
import type { Forward } from '../../streams/forward.ts';
import type { Register } from '../../streams/register.ts';
import type { Views } from '../../views/views.ts';
import { type Api, serve } from '../api.ts';
import { namesOf } from '../names.ts';
import { newestRows } from '../page.ts';
import { notFound } from '../problem.ts';
import { canaryOfRelease } from '../views/canary-view.ts';
import { stopOfRun } from '../views/stop-view.ts';
import { ofRepo } from './repos.ts';

type Ports = {
  deployments: Deployments;
  forward: Forward;
  register: Register;
  repositories: Repositories;
  secrets: Secrets;
  settings: Settings;
  store: Store;
  views: Views;
};

/** As the deploy gate saw it last; null before it was asked. */
async function undoAsJudged(factory: Ports, fold: Fold, id: RunId): Promise<Undo | null> {
  const run = fold.run(id);
  const gate = run?.gates.findLast((one) => one.action === 'deploy');
  const judged = gate && fold.runs.get(id)?.policies[gate.gate];
  if (!judged) return null;
  const facts = await getJson(factory.store.artifacts, JudgedFacts, judged.facts);
  return facts.action === 'deploy' ? facts.undo : null;
}

function stateOf(
  target: TargetInfo,
  { id, result }: ReleaseInfo,
  run: Run | undefined,
): ReleaseView['state'] {
  if (target.live === id) return 'live';
  if (target.canaries.some((one) => one.release === id && one.ended === null && one.percent > 0))
    return 'canary';
  const at = candidates(target).indexOf(id);
  if (at >= 0) return at === 0 ? 'previous' : 'good';
  if (result === 'rolled_back' || leftOf(target).includes(id)) return 'rolled_back';
  if (result === 'failed') return 'failed';
  return run !== undefined && run.closed === null && run.release?.release === id ? 'built' : 'abandoned';
}

export function releaseRoutes(app: FastifyInstance, { factory }: Api): void {
  const releaseOf = (info: ReleaseInfo) => getJson(factory.store.artifacts, Release, info.artifact);
  const view = async (
    info: ReleaseInfo,
    release: Release,
    contents: ReleaseContents,
    { fold, names }: { fold: Fold; names: Map<string, string> },
  ): Promise<ReleaseView> => {
    const run = fold.run(info.run);
    const state = stateOf(fold.target(info.repo), info, run);
    return {
      id: info.id,
      repo: info.repo,
      run: info.run,
      commit: release.commit,
      digest: info.artifact,
      layer: release.layer,
      ...contents,
      provenance: info.provenance,
      state,
      notes: release.notes,
      createdAt: info.builtAt,
      address: state === 'live' ? await factory.deployments.address(info.repo) : null,
      undo: await undoAsJudged(factory, fold, info.run),
      canary: await canaryOfRelease(factory, fold, info, names),
      stop: run === undefined ? null : stopOfRun(factory, run, names),
    };
  };

  serve(app, 'listReleases', async (request, reply) => {
    ofRepo(factory, request.query.repo);
    const infos = await newestRows(factory, 'releases', request.query, reply);
    const page = await Promise.all(infos.map(async (info) => ({ info, release: await releaseOf(info) })));
    const contents = await contentsOfEach(factory, page);
    const names = await namesOf(factory);
    const fold = await factory.views.with({ releases: infos.map(({ id }) => id) });
    const views = page.map(({ info, release }) =>
      view(info, release, contents.get(info.id) ?? { tickets: [], commits: [] }, { fold, names }),
    );
    return (await Promise.all(views)).reverse();
  });
  serve(app, 'showRelease', async (request) => {
    const fold = await factory.views.with({ releases: [request.params.id] });
    const info = fold.releases.get(request.params.id);
    if (!info) throw notFound('release', request.params.id, { act: 'list-releases' });
    const release = await releaseOf(info);
    const names = await namesOf(factory);
    return view(info, release, await releaseContents(factory, info, release), { fold, names });
  });
}
