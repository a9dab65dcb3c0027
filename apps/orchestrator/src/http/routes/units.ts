import { DEFAULT_UNIT, UnitName, unitStream } from '@millwright/domain';
import type { FastifyInstance } from 'fastify';
import type { Streams } from '../../streams/streams.ts';
import { isUnit, unitsWithRepos } from '../../streams/units.ts';
import { type Api, serve } from '../api.ts';
import { appendAs } from '../append-as.ts';
import { firstOf } from '../page.ts';
import { notFound } from '../problem.ts';

/** The unit of that name; the default one, where none is given. Throws 404. */
export async function knownUnit(factory: { streams: Streams }, given: string | undefined): Promise<UnitName> {
  if (given === undefined) return DEFAULT_UNIT;
  const name = UnitName.safeParse(given);
  if (!name.success || !(await isUnit(factory, name.data)))
    throw notFound('unit', given, { act: 'list-units' });
  return name.data;
}

export function unitRoutes(app: FastifyInstance, { factory }: Api): void {
  serve(app, 'addUnit', async (request, reply) => {
    const { name, reason } = request.body;
    const record = { type: 'unit.added', data: { unit: name, reason } } as const;
    await appendAs(factory, unitStream(name), request.who, record, { acts: [{ act: 'list-units' }] });
    return reply.status(201).send({ name, repos: [] });
  });

  serve(app, 'listUnits', async (request, reply) => {
    const units = [...(await unitsWithRepos(factory))].map(([name, repos]) => ({ name, repos }));
    return firstOf(units, request.query, reply, ({ name }) => name);
  });

  serve(app, 'showUnit', async (request) => {
    const name = await knownUnit(factory, request.params.unit);
    return { name, repos: (await unitsWithRepos(factory)).get(name) ?? [] };
  });
}
