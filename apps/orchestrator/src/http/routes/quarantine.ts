import { QuarantineView, Reason } from '@millwright/api';
import { ReleaseId, type RepoName, repositoryStream } from '@millwright/domain';
import { z } from 'zod';
import type { Quarantined } from '../../views/quarantine.ts';
import type { Api, App } from '../api.ts';
import { requireRole } from '../authenticate.ts';
import { notFound, problem } from '../problem.ts';
import { say } from '../say.ts';
import { OfRepo, ofRepo } from './repos.ts';

const Params = z.object({ id: ReleaseId });

export function quarantineRoutes(app: App, { factory }: Api): void {
  const view = (repo: RepoName, one: Quarantined): QuarantineView => {
    const run = factory.world.releases.get(one.release)?.run;
    const ticket = run === undefined ? undefined : factory.world.run(run)?.ticket;
    return { repo, ...one, tickets: ticket === undefined ? [] : [ticket] };
  };

  app.get(
    '/quarantine',
    { schema: { querystring: OfRepo, response: { 200: z.array(QuarantineView) } } },
    async (request) =>
      [...factory.world.repos.keys()]
        .filter(ofRepo(factory, request.query.repo))
        .flatMap((repo) => factory.world.quarantine(repo).map((one) => view(repo, one))),
  );

  /** What was bad in it is then for the gate's other rules, and for the canary. */
  app.post(
    '/releases/:id/lift',
    { schema: { params: Params, body: Reason, response: { 200: QuarantineView } } },
    async (request) => {
      requireRole(request.who, 'admin', 'approver');
      const info = factory.world.releases.get(request.params.id);
      if (!info) throw notFound('release', request.params.id, { act: 'show-quarantine' });
      const one = factory.world.quarantine(info.repo).find((each) => each.release === info.id);
      if (one === undefined) throw problem('not-quarantined', `${info.id} is not in quarantine`);
      await say(factory, repositoryStream(info.repo), request.who, {
        type: 'quarantine.lifted',
        data: { repo: info.repo, commit: one.commit, reason: request.body.reason },
      });
      return view(info.repo, one);
    },
  );
}
