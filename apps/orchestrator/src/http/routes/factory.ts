import { DoctorLine, Reason, streamOf } from '@millwright/domain';
import { z } from 'zod';
import { doctor } from '../../doctor.ts';
import { appendAs } from '../../streams/append-as.ts';
import type { Api, App } from '../api.ts';
import { requireRole } from '../authenticate.ts';

export function factoryRoutes(app: App, { factory, version, driver }: Api): void {
  app.get(
    '/health',
    {
      schema: { response: { 200: z.object({ ok: z.boolean(), version: z.string(), position: z.number() }) } },
    },
    () => ({ ok: true, version, position: factory.world.position }),
  );

  app.get('/doctor', { schema: { response: { 200: z.array(DoctorLine) } } }, () => doctor(factory));

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
