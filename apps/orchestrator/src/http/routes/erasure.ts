import { PersonId, Reason, streamOf } from '@millwright/domain';
import { z } from 'zod';
import { appendAs } from '../../streams/append-as.ts';
import type { Api, App } from '../api.ts';
import { ADMIN, requireRole } from '../authenticate.ts';
import { conflict, HttpProblem, notFound } from '../problem.ts';

// What is forgotten on purpose. Each is recorded first, then done: killed in between, the same request does the rest.

const Redaction = Reason.extend({ position: z.number().int().positive().max(Number.MAX_SAFE_INTEGER) });

export function erasureRoutes(app: App, { factory }: Api): void {
  app.post('/trail/redactions', { schema: { body: Redaction } }, async (request) => {
    requireRole(request.who, 'admin');
    const { redactor, trail, world } = factory;
    if (redactor === null)
      throw new HttpProblem(501, 'no-redactor', 'this factory was not given the database role that erases', {
        kept: 'everything as it is',
        next: 'start the orchestrator with MILLWRIGHT_REDACTOR_URL',
      });
    const { position, reason } = request.body;
    if (position > (await trail.head())) throw notFound('entry', String(position), './millwright trail show');
    const record = await appendAs(factory, streamOf.factory(), request.who, {
      type: 'trail.redacted',
      data: { position, reason },
    });
    const erased = await redactor.redact(position, record);
    await world.refold(trail.readAll);
    return { position, record, erased };
  });

  app.post(
    '/people/:id/erasure',
    { schema: { params: z.object({ id: PersonId }), body: Reason } },
    async (request) => {
      requireRole(request.who, 'admin');
      const { id } = request.params;
      if (id === ADMIN)
        throw conflict(
          'is-admin',
          "the first administrator's name is no person's",
          './millwright person list',
        );
      if (!(await factory.store.people.list()).some((person) => person.id === id))
        throw notFound('person', id, './millwright person list');
      await appendAs(factory, streamOf.person(id), request.who, {
        type: 'person.erased',
        data: { person: id, reason: request.body.reason },
      });
      await factory.store.people.erase(id);
      return { person: id, erased: true };
    },
  );
}
