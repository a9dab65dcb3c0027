import type { UnitView } from '@millwright/api';
import { DEFAULT_UNIT, UnitName, unitStream } from '@millwright/domain';
import { loadPolicy } from '@millwright/policy';
import type { FastifyInstance } from 'fastify';
import type { Streams } from '../../streams/streams.ts';
import { isUnit, unitsWithRepos } from '../../streams/units.ts';
import { type Api, serve, serveThere } from '../api.ts';
import { appendAs } from '../append-as.ts';
import { firstOf } from '../page.ts';
import { HttpProblem, notFound } from '../problem.ts';

/** The unit of that name; the default one, where none is given. Throws 404. */
export async function knownUnit(factory: { streams: Streams }, given: string | undefined): Promise<UnitName> {
  if (given === undefined) return DEFAULT_UNIT;
  const name = UnitName.safeParse(given);
  if (!name.success || !(await isUnit(factory, name.data)))
    throw notFound('unit', given, { act: 'list-units' });
  return name.data;
}

export function unitRoutes(app: FastifyInstance, api: Api): void {
  const { factory } = api;
  const view = async (name: UnitName, repos: UnitView['repos']): Promise<UnitView> => ({
    ...{ name, repos },
    policy: (await factory.streams.unit(name).look()).policy,
  });
  const viewOf = async (name: UnitName) => view(name, (await unitsWithRepos(factory)).get(name) ?? []);

  serve(app, 'addUnit', async (request, reply) => {
    const { name, reason } = request.body;
    const record = { type: 'unit.added', data: { unit: name, reason } } as const;
    await appendAs(factory, unitStream(name), request.who, record, { acts: [{ act: 'list-units' }] });
    return reply.status(201).send(await viewOf(name));
  });

  serve(app, 'listUnits', async (request, reply) => {
    const part = firstOf([...(await unitsWithRepos(factory))], request.query, reply, ([name]) => name);
    return Promise.all(part.map(([name, repos]) => view(name, repos)));
  });

  serve(app, 'showUnit', async (request) => viewOf(await knownUnit(factory, request.params.unit)));

  serveThere(
    app,
    api,
    'setUnitPolicy',
    async ({ params }) => ({ kind: 'unit', unit: await knownUnit(factory, params.unit) }),
    async ({ body, who }, _, { unit }) => {
      const { policy, reason } = body;
      const loaded = loadPolicy({ unit: policy });
      if (loaded.kind === 'refused')
        throw new HttpProblem('bad-policy', loaded.problems.join('; '), {
          kept: `the policy of unit ${unit} is as it was`,
          hint: 'a policy has an @id, and only forbids: docs/units.md has one',
        });
      const record = { type: 'unit.policy-set', data: { unit, policy, reason } } as const;
      await appendAs(factory, unitStream(unit), who, record);
      return viewOf(unit);
    },
  );
}
