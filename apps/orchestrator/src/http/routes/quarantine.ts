import type { QuarantineView } from '@millwright/api';
import type { Quarantined } from '@millwright/domain';
import { type ReleaseId, type RepoName, type RoleScope, repositoryStream } from '@millwright/domain';
import type { FastifyInstance } from 'fastify';
import { type Api, serve, serveThere } from '../api.ts';
import { appendAs } from '../append-as.ts';
import { firstOf } from '../page.ts';
import { notFound, problem } from '../problem.ts';
import { ofRepo } from './repos.ts';

export function quarantineRoutes(app: FastifyInstance, api: Api): void {
  const { factory } = api;
  const views = async (held: readonly { repo: RepoName; one: Quarantined }[]): Promise<QuarantineView[]> => {
    const fold = await factory.views.with({ releases: held.map(({ one }) => one.release) });
    return held.map(({ repo, one }) => {
      const run = fold.releases.get(one.release)?.run;
      const ticket = run === undefined ? undefined : fold.run(run)?.ticket;
      return { repo, ...one, tickets: ticket === undefined ? [] : [ticket] };
    });
  };

  serve(app, 'listQuarantine', (request, reply) => {
    const { open } = factory.views;
    const all = [...open.repos.keys()]
      .filter(ofRepo(factory, request.query.repo))
      .flatMap((repo) => open.quarantine(repo).map((one) => ({ repo, one })));
    return views(firstOf(all, request.query, reply, ({ repo, one }) => `${repo}/${one.commit}`));
  });

  const released = async (id: ReleaseId) => {
    const registered = await factory.register.look();
    const info = registered.release(id);
    if (!info) throw notFound('release', id, { act: 'show-quarantine' });
    return { registered, info };
  };
  const where = async ({ params }: { params: { id: ReleaseId } }): Promise<RoleScope> => ({
    kind: 'repo',
    repo: (await released(params.id)).info.repo,
  });

  /** What was bad in it is then for the gate's other rules, and for the canary. */
  serveThere(app, api, 'liftQuarantine', where, async (request) => {
    const { registered, info } = await released(request.params.id);
    const one = registered.quarantine(info.repo).find((each) => each.release === info.id);
    if (one === undefined) throw problem('not-quarantined', `${info.id} is not in quarantine`);
    await appendAs(factory, repositoryStream(info.repo), request.who, {
      type: 'quarantine.lifted',
      data: { repo: info.repo, commit: one.commit, reason: request.body.reason },
    });
    const [lifted] = await views([{ repo: info.repo, one }]);
    return lifted as QuarantineView;
  });
}
