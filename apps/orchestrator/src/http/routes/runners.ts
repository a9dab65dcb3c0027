import type { RunnerView } from '@millwright/api';
import { getJson, labelsOf, Ticket } from '@millwright/domain';
import type { FastifyInstance } from 'fastify';
import { type Api, serve } from '../api.ts';
import { namesOf } from '../names.ts';
import { firstOf } from '../page.ts';

export function runnerRoutes(app: FastifyInstance, { factory }: Api): void {
  serve(app, 'listRunners', async (request, reply) => {
    const part = firstOf([...(await factory.runners.look())], request.query, reply, ({ name }) => name);
    const [held, names] = await Promise.all([factory.trail.heldClaims(), namesOf(factory)]);
    const { open } = factory.views;
    const view = async (one: (typeof part)[number]): Promise<RunnerView> => {
      const { incarnation, drain, ...said } = one;
      const holds = held
        .filter((claim) => claim.incarnation === incarnation)
        .map(async ({ attempt }) => {
          const info = open.attempts.get(attempt);
          const run = info && open.run(info.run);
          const ticket = run && (await getJson(factory.store.artifacts, Ticket, run.ticketDigest));
          const what = { run: info?.run ?? null, title: ticket?.title ?? null };
          return { attempt, ...what, since: info?.claimedAt ?? null };
        });
      return {
        ...said,
        labels: [...labelsOf(one)],
        holds: await Promise.all(holds),
        drained: drain && { by: names.get(drain.by) ?? drain.by, reason: drain.reason, at: drain.at },
      };
    };
    return Promise.all(part.map(view));
  });
}
