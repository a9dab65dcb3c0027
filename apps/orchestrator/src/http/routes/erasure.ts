import { factoryStream, terminal } from '@millwright/domain';
import type { FastifyInstance } from 'fastify';
import { type Api, serve } from '../api.ts';
import { appendAs } from '../append-as.ts';
import { HttpProblem, notFound } from '../problem.ts';

// What the trail forgets on purpose. Recorded first, then done: killed in between, the same request does the rest.

export function erasureRoutes(app: FastifyInstance, { factory }: Api): void {
  serve(app, 'redact', async (request) => {
    const { readModel, redactor, trail } = factory;
    if (redactor === null)
      throw new HttpProblem('no-redactor', 'this factory was not given the database role that erases', {
        kept: 'everything as it is',
        hint: 'start the orchestrator with MILLWRIGHT_REDACTOR_URL',
      });
    const { position, reason } = request.body;
    if (position > (await trail.head())) throw notFound('entry', String(position), { act: 'show-trail' });
    const record = await appendAs(factory, factoryStream(), request.who, {
      type: 'trail.redacted',
      data: { position, reason },
    });
    if (record === null) throw terminal('not-recorded', 'an erasure that is not on the trail is not done');
    const erased = await redactor.redact(position, record);
    // Rows made anew hold nothing of it, and those before them are dropped. A rebuild that was under way may have read it before.
    await readModel.reached(record);
    // What becomes of that one is told to whoever asked for it.
    if (readModel.state().rebuilding !== null) await readModel.rebuild().catch(() => undefined);
    await readModel.rebuild();
    await factory.streams.forget();
    await factory.register.forget();
    return { position, record, erased };
  });
}
