import { randomBytes } from 'node:crypto';
import type { ConnectionView } from '@millwright/api';
import { type Forge, isFromGitHub } from '@millwright/connect';
import { DriveError, type RepoName, repositoryStream } from '@millwright/domain';
import type { FastifyInstance } from 'fastify';
import { DELIVERIES_SECRET, PLACE_TOKEN } from '../../outside/places.ts';
import { type Api, serve, serveThere } from '../api.ts';
import { appendAs } from '../append-as.ts';
import { firstOf } from '../page.ts';
import { HttpProblem, problem } from '../problem.ts';
import { knownRepo, ofRepository, repoView } from './repos.ts';

/** What GitHub sends at most. */
const MAX_BYTES = 25 * 1024 * 1024;

export function connectionRoutes(app: FastifyInstance, api: Api): void {
  const { factory, outside } = api;

  const viewOf = (name: RepoName): ConnectionView | null => {
    const { place } = knownRepo(factory, name);
    return place && { repo: name, ...place, delay: outside.delayOf(name) };
  };
  const connected = (name: RepoName): ConnectionView => {
    const view = viewOf(name);
    if (view === null)
      throw problem('not-connected', `${name} is connected to nowhere`, { act: 'connect-repo', repo: name });
    return view;
  };

  serveThere(
    app,
    api,
    'connectRepo',
    ({ params }) => ofRepository(factory, params.repo),
    async ({ body, who }, reply, { repo }) => {
      const { token, ...place } = body;
      const rights = await triedRights(outside.places.open(place, token));
      const missing = rights.filter(({ has }) => has === 'no');
      if (missing.length > 0)
        throw new HttpProblem(
          'place-refused',
          `the token cannot ${missing.map(({ right }) => right).join(', nor ')} at ${place.project}`,
          { kept: `${repo} is as it was`, hint: missing.map(({ fix }) => fix).join('; ') },
        );
      const secret = randomBytes(32).toString('base64url');
      for (const [name, value] of [
        [PLACE_TOKEN, token],
        [DELIVERIES_SECRET, secret],
      ] as const) {
        await factory.secrets.set(repo, name, value);
        await appendAs(factory, repositoryStream(repo), who, {
          type: 'repo.secret-set',
          data: { repo, name },
        });
      }
      factory.knownSecrets.forget();
      await factory.knownSecrets.now();
      await appendAs(factory, repositoryStream(repo), who, {
        type: 'repo.connected',
        data: { repo, ...place },
      });
      outside.poll(repo);
      const path = `/v1/repos/${repo}/deliveries`;
      return reply.status(201).send({ ...connected(repo), rights, deliveries: { path, secret } });
    },
  );

  serveThere(
    app,
    api,
    'disconnectRepo',
    ({ params }) => ofRepository(factory, params.repo),
    async ({ body, who }, _, { repo }) => {
      connected(repo);
      await appendAs(factory, repositoryStream(repo), who, {
        type: 'repo.disconnected',
        data: { repo, reason: body.reason },
      });
      for (const name of [PLACE_TOKEN, DELIVERIES_SECRET]) await factory.secrets.remove(repo, name);
      factory.knownSecrets.forget();
      return repoView(factory, repo);
    },
  );

  serve(app, 'listConnections', (request, reply) => {
    const all = [...factory.views.open.repos.keys()].flatMap((name) => viewOf(name) ?? []);
    return firstOf(all, request.query, reply, ({ repo }) => repo);
  });

  serve(app, 'checkConnection', async ({ params }) => {
    const view = connected(knownRepo(factory, params.repo).repo);
    const { place } = knownRepo(factory, view.repo);
    const forge = place && (await outside.places.of(view.repo, place));
    if (!forge)
      throw problem('not-connected', `the token of ${view.project} is gone`, {
        ...{ act: 'connect-repo', repo: view.repo, to: 'give it one' },
      });
    return { ...view, rights: await triedRights(forge) };
  });

  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    // The bytes as they came: a body that was parsed and written again has another signature.
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: MAX_BYTES }, (_request, body, done) =>
      done(null, body),
    );
    serve(scope, 'deliver', async (request, reply) => {
      const body = Buffer.isBuffer(request.body) ? request.body.toString('utf8') : '';
      const repo = factory.views.open.repo(request.params.repo as RepoName)?.repo;
      const secret = repo === undefined ? null : await factory.secrets.get(repo, DELIVERIES_SECRET);
      const signature = request.headers['x-hub-signature-256'];
      if (repo === undefined || !(await isFromGitHub(secret, [signature].flat()[0], body)))
        throw new HttpProblem('not-signed', 'this delivery is not signed with the secret of its repository', {
          acts: [
            { act: 'connect-repo', repo: request.params.repo, to: 'connect again: it tells another secret' },
          ],
        });
      // Nothing of it is read: what is so there is asked there. Doubled, late or out of order, it comes to the same.
      outside.poll(repo);
      return reply.status(202).send({ taken: true });
    });
  });
}

/** A place that refuses to be asked at all has no rights to tell of. */
async function triedRights(forge: Forge) {
  try {
    return await forge.rights();
  } catch (error) {
    if (!(error instanceof DriveError) || error.code !== 'place-refused') throw error;
    throw problem(
      'place-refused',
      error.message,
      'check the address, the project and the token, then connect again',
    );
  }
}
