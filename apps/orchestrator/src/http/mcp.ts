import { callsBy, Problem } from '@millwright/api';
import { mcpOverHttp, whyNoAgent } from '@millwright/mcp';
import type { FastifyInstance } from 'fastify';
import { grantsOfPerson } from '../streams/roles.ts';
import type { Api } from './api.ts';
import { problem } from './problem.ts';

/** Where other agents ask; no part of the API, which is what their tools call, with their own token. */
const MCP = '/mcp';
const MAX_BYTES = 1 << 20;

/** Serves the Model Context Protocol: streamable HTTP, each request by itself. */
export function serveMcp(app: FastifyInstance, { factory }: Api): void {
  const callsOf = (request: Request) =>
    callsBy(
      async ({ method, path, headers, body }) => {
        const reply = await app.inject({
          ...{ method, url: path },
          headers: { ...headers, authorization: request.headers.get('authorization') ?? '' },
          ...(body === undefined ? {} : { payload: body as object }),
        });
        const answer: unknown = reply.json();
        if (reply.statusCode >= 400) {
          const { detail, hint } = Problem.parse(answer);
          throw new Error(hint === undefined ? detail : `${detail}. ${hint}`);
        }
        return { body: answer, link: reply.headers.link?.toString() ?? null };
      },
      (why) => new Error(why),
    );
  const handler = mcpOverHttp(callsOf);
  app.addHook('onClose', () => handler.close());
  app.route({
    method: ['GET', 'POST', 'DELETE'],
    url: MCP,
    bodyLimit: MAX_BYTES,
    handler: async (request, reply) => {
      const why = whyNoAgent(await grantsOfPerson(factory, request.who.id));
      if (why !== null)
        throw problem('forbidden', why, [
          { act: 'invite-person', role: 'author', to: 'invite one for the agent, who decides nothing' },
        ]);
      const headers = new Headers();
      for (const [name, value] of Object.entries(request.headers))
        for (const one of [value].flat()) if (one !== undefined) headers.append(name, one);
      const asked = new Request(`http://factory${MCP}`, {
        ...{ method: request.method, headers },
        ...(request.method === 'POST' ? { body: JSON.stringify(request.body) } : {}),
      });
      const answer = await handler.fetch(asked, { parsedBody: request.body });
      // As it is made there: it fits no schema of ours.
      reply.hijack();
      reply.raw.writeHead(answer.status, Object.fromEntries(answer.headers));
      for await (const chunk of answer.body ?? []) reply.raw.write(chunk);
      reply.raw.end();
    },
  });
}
