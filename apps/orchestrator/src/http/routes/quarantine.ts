import type { QuarantineView } from '@millwright/api';
import type { Quarantined } from '@millwright/domain';
import { type RepoName, repositoryStream } from '@millwright/domain';
import type { FastifyInstance } from 'fastify';
import { type Api, serve } from '../api.ts';
import { appendAs } from '../append-as.ts';
import { firstOf } from '../page.ts';
import { notFound, problem } from '../problem.ts';
import { ofRepo } from './repos.ts';

export function quarantineRoutes(app: FastifyInstance, { factory }: Api): void {
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

  /** What was bad in it is then for the gate's other rules, and for the canary. */
  serve(app, 'liftQuarantine', async (request) => {
    const registered = await factory.register.look();
    const info = registered.release(request.params.id);
    if (!info) throw notFound('release', request.params.id, { act: 'show-quarantine' });
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
