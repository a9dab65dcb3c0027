import { randomBytes } from 'node:crypto';
import {
  DoctorLine,
  EnrolledPerson,
  NewPerson,
  type PersonId,
  PersonView,
  Reason,
  streamOf,
} from '@millwright/domain';
import { hashToken } from '@millwright/store';
import { z } from 'zod';
import { doctor } from '../../doctor.ts';
import { appendAs } from '../../streams/append-as.ts';
import type { Api, App } from '../api.ts';
import { requireRole } from '../authenticate.ts';
import { HttpProblem } from '../problem.ts';

export function factoryRoutes(app: App, { factory, version, driver }: Api): void {
  app.get(
    '/health',
    {
      schema: { response: { 200: z.object({ ok: z.boolean(), version: z.string(), position: z.number() }) } },
    },
    () => ({ ok: true, version, position: factory.world.position }),
  );

  app.get('/doctor', { schema: { response: { 200: z.array(DoctorLine) } } }, () => doctor(factory));

  app.post(
    '/people',
    { schema: { body: NewPerson, response: { 201: EnrolledPerson } } },
    async (request, reply) => {
      requireRole(request.who, 'admin');
      const token = randomBytes(24).toString('base64url');
      const id = factory.ids.next('per') as PersonId;
      const { name, roles } = request.body;
      if ((await factory.store.people.list()).some((person) => person.name === name))
        throw new HttpProblem(409, 'exists', `${name} is enrolled already`, {
          next: './millwright person list',
        });
      await factory.store.people.enrol({ id, name, roles, tokenHash: hashToken(token) });
      await appendAs(factory, streamOf.person(id), request.who, {
        type: 'person.enrolled',
        data: { person: id, roles },
      });
      return reply.status(201).send({ id, name, roles, token });
    },
  );

  app.get('/people', { schema: { response: { 200: z.array(PersonView) } } }, () =>
    factory.store.people.list(),
  );

  app.post('/halt', { schema: { body: Reason } }, async (request) => {
    requireRole(request.who, 'admin', 'approver');
    await appendAs(factory, streamOf.factory(), request.who, { type: 'factory.halted', data: request.body });
    return { halted: true };
  });

  app.post('/resume', { schema: { body: Reason } }, async (request) => {
    requireRole(request.who, 'admin');
    await appendAs(factory, streamOf.factory(), request.who, { type: 'factory.resumed', data: request.body });
    for (const info of factory.world.runs.values()) if (info.closedAt === null) driver.drive(info.id);
    return { halted: false };
  });
}
