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
  const view = (repo: RepoName, one: Quarantined): QuarantineView => {
    const run = factory.world.releases.get(one.release)?.run;
    const ticket = run === undefined ? undefined : factory.world.run(run)?.ticket;
    return { repo, ...one, tickets: ticket === undefined ? [] : [ticket] };
  };

  serve(app, 'listQuarantine', (request, reply) => {
    const all = [...factory.world.repos.keys()]
      .filter(ofRepo(factory, request.query.repo))
      .flatMap((repo) => factory.world.quarantine(repo).map((one) => view(repo, one)));
    return firstOf(all, request.query, reply, ({ repo, commit }) => `${repo}/${commit}`);
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
    return view(info.repo, one);
  });
}
