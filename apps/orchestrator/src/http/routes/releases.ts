import {
  candidates,
  Facts,
  getJson,
  leftOf,
  Release,
  ReleaseId,
  ReleaseView,
  type RunId,
  type Undo,
} from '@millwright/domain';
import { z } from 'zod';
import type { Factory } from '../../factory.ts';
import { releaseContents } from '../../releases/release-contents.ts';
import { canaryOfRelease } from '../../views/canary-view.ts';
import type { ReleaseInfo, TargetInfo } from '../../views/world.ts';
import type { Api, App } from '../api.ts';
import { notFound } from '../problem.ts';
import { OfRepo, ofRepo } from './repos.ts';

const Params = z.object({ id: ReleaseId });

/** As the deploy gate saw it last; null before it was asked. */
async function undoAsJudged(factory: Factory, id: RunId): Promise<Undo | null> {
  const run = factory.world.run(id);
  const gate = run?.gates.findLast((one) => one.action === 'deploy');
  const judged = gate && factory.world.runs.get(id)?.policies.get(gate.gate);
  if (!judged) return null;
  const facts = await getJson(factory.store.artifacts, Facts, judged.facts);
  return facts.action === 'deploy' ? facts.undo : null;
}

function stateOf(target: TargetInfo, { id, result }: ReleaseInfo): ReleaseView['state'] {
  if (target.live === id) return 'live';
  if (target.canaries.some((one) => one.release === id && one.ended === null && one.percent > 0))
    return 'canary';
  const at = candidates(target).indexOf(id);
  if (at >= 0) return at === 0 ? 'previous' : 'good';
  if (result === 'rolled_back' || leftOf(target).includes(id)) return 'rolled_back';
  return result === 'failed' ? 'failed' : 'built';
}

export function releaseRoutes(app: App, { factory }: Api): void {
  const view = async (info: ReleaseInfo): Promise<ReleaseView> => {
    const release = await getJson(factory.store.artifacts, Release, info.artifact);
    const state = stateOf(factory.world.target(info.repo), info);
    return {
      id: info.id,
      repo: info.repo,
      run: info.run,
      commit: release.commit,
      digest: info.artifact,
      layer: release.layer,
      ...(await releaseContents(factory, info, release)),
      provenance: info.provenance,
      state,
      notes: release.notes,
      createdAt: info.builtAt,
      address: state === 'live' ? await factory.deployments.address(info.repo) : null,
      undo: await undoAsJudged(factory, info.run),
      canary: await canaryOfRelease(factory, info),
    };
  };

  app.get(
    '/releases',
    { schema: { querystring: OfRepo, response: { 200: z.array(ReleaseView) } } },
    async (request) => {
      const asked = ofRepo(factory, request.query.repo);
      const all = [...factory.world.releases.values()].filter(({ repo }) => asked(repo));
      return (await Promise.all(all.map(view))).reverse();
    },
  );
  app.get('/releases/:id', { schema: { params: Params, response: { 200: ReleaseView } } }, (request) => {
    const info = factory.world.releases.get(request.params.id);
    if (!info) throw notFound('release', request.params.id, './millwright release list');
    return view(info);
  });
}
