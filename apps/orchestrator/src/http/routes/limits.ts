import { factoryStream, type RepoName, type RoleScope, type UnitName } from '@millwright/domain';
import type { FastifyInstance } from 'fastify';
import { isUnit, unitsWithRepos } from '../../streams/units.ts';
import { type Api, serve, serveThere } from '../api.ts';
import { appendAs } from '../append-as.ts';
import { firstPlaces } from '../page.ts';
import { notFound } from '../problem.ts';
import { knownRepo } from './repos.ts';

export function limitRoutes(app: FastifyInstance, api: Api): void {
  const { factory } = api;
  const { turns, streams } = factory;
  /** How much of the factory a unit may take is not said by who takes it. Throws 404 where there is no such scope. */
  const setBy = async (scope: string): Promise<RoleScope> => {
    const [kind, name = ''] = scope.split('/');
    if (kind === 'repo') return { kind, repo: knownRepo(factory, name as RepoName).repo };
    if (kind === 'unit' && !(await isUnit(factory, name as UnitName)))
      throw notFound('unit', name, { act: 'list-units' });
    return { kind: 'factory' };
  };
  const viewOf = (scope: string) => ({
    scope,
    stages: turns.limits().get(scope) ?? null,
    ...turns.counts(scope),
  });

  serve(app, 'listLimits', async (request, reply) => {
    await streams.factory().look();
    const units = await unitsWithRepos(factory);
    const scopes = [...units].flatMap(([unit, repos]) => [
      `unit/${unit}`,
      ...repos.map((repo) => `repo/${repo}`),
    ]);
    return firstPlaces(['factory', ...scopes].map(viewOf), request.query, reply);
  });

  serveThere(
    app,
    api,
    'setLimit',
    ({ body }) => setBy(body.scope),
    async (request) => {
      const { scope, stages, reason } = request.body;
      await appendAs(factory, factoryStream(), request.who, {
        type: 'factory.limit-set',
        data: { scope, stages, reason },
      });
      await streams.factory().look();
      turns.settle();
      return viewOf(scope);
    },
  );
}
