import { BASE, isErrorCode, openApi, type Problem, problemOf } from '@millwright/api';
import { DriveError } from '@millwright/domain';
import fastify, {
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
} from 'fastify';
import { z } from 'zod';
import { NotSteered } from '../releases/steer-canary.ts';
import { type Api, serve } from './api.ts';
import { authenticate, requireRole, requireRoleSomewhere, type Who } from './authenticate.ts';
import { isConsole, serveConsole } from './console.ts';
import { serveMcp } from './mcp.ts';
import { HttpProblem, problem } from './problem.ts';
import { autonomyRoutes } from './routes/autonomy.ts';
import { blameRoutes } from './routes/blame.ts';
import { budgetRoutes } from './routes/budgets.ts';
import { connectionRoutes } from './routes/connections.ts';
import { digestRoutes } from './routes/digest.ts';
import { erasureRoutes } from './routes/erasure.ts';
import { evidenceRoutes } from './routes/evidence.ts';
import { factoryRoutes } from './routes/factory.ts';
import { gateRoutes } from './routes/gates.ts';
import { incidentRoutes } from './routes/incidents.ts';
import { ladderRoutes } from './routes/ladder.ts';
import { limitRoutes } from './routes/limits.ts';
import { metricRoutes } from './routes/metrics.ts';
import { peopleRoutes } from './routes/people.ts';
import { policyRoutes } from './routes/policy.ts';
import { quarantineRoutes } from './routes/quarantine.ts';
import { releaseRoutes } from './routes/releases.ts';
import { repoRoutes } from './routes/repos.ts';
import { rollbackRoutes } from './routes/rollbacks.ts';
import { runnerRoutes } from './routes/runners.ts';
import { runRoutes } from './routes/runs.ts';
import { ticketRoutes } from './routes/tickets.ts';
import { trailRoutes } from './routes/trail.ts';
import { trailProofRoutes } from './routes/trail-proof.ts';
import { unitRoutes } from './routes/units.ts';
import { shown } from './shown.ts';

/** What a supervisor of processes asks; no part of the API. */
const [ALIVE, READY] = ['/healthz', '/readyz'];
/** A ticket of 256 KiB grows when it is written as JSON. */
const BODY_LIMIT = 2 * 1024 * 1024;

/** The HTTP API, as `libs/api` has it in its route table, and the console. Who asks is known, and may, before a body is read. */
export async function server(api: Api): Promise<FastifyInstance> {
  const app = fastify({
    bodyLimit: BODY_LIMIT,
    loggerInstance: api.factory.log.child({ part: 'http' }, { level: 'warn' }) as FastifyBaseLogger,
    forceCloseConnections: true,
  });
  app.setValidatorCompiler<z.ZodType>(({ schema }) => fitting(schema));
  app.setSerializerCompiler<z.ZodType>(
    ({ schema }) =>
      (data) =>
        JSON.stringify(z.encode(schema, data)),
  );
  app.decorateRequest('who', null as unknown as Who);
  app.addHook('onRequest', async (request) => {
    if (request.url !== ALIVE) activeOnly(api.heldBy());
    if (request.url === ALIVE || request.url === READY || isConsole(request)) return;
    const { may = 'anybody', there = false } = request.routeOptions.config.route ?? {};
    // An alert is known by its signature, and who is invited by a code, in their own routes.
    if (may === 'open' || may === 'code' || may === 'signed') return;
    request.who = await authenticate(api.factory.store, request);
    if (may === 'anybody') return;
    if (there) await requireRoleSomewhere(api.factory, request.who, may);
    else await requireRole(api.factory, request.who, may, { kind: 'factory' });
  });
  app.addHook('preSerialization', async (request, reply, payload) => {
    const { route } = request.routeOptions.config;
    if (!READS.has(request.method) && reply.statusCode < 400) await seenBy(api.factory);
    return route === undefined ? payload : shown(api.factory, route, payload);
  });
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const told = problemFrom(error);
    if (told.status >= 500 && told.code !== 'standby') request.log.error({ err: error }, 'a request failed');
    return refuse(reply, told);
  });
  app.setNotFoundHandler((request, reply) =>
    refuse(
      reply,
      problemOf('no-such-route', `there is no ${request.method} ${request.url}`, {
        hint: `GET ${BASE}/openapi.json lists what there is`,
      }),
    ),
  );
  app.get(ALIVE, () => ({ ok: true, version: api.version }));
  app.get(READY, () => ({ ready: true, version: api.version }));
  let document: ReturnType<typeof openApi> | undefined;
  serve(app, 'openApi', () => {
    document ??= openApi(api.version);
    return document;
  });
  for (const routes of [
    factoryRoutes,
    peopleRoutes,
    budgetRoutes,
    runnerRoutes,
    limitRoutes,
    unitRoutes,
    policyRoutes,
    repoRoutes,
    connectionRoutes,
    blameRoutes,
    autonomyRoutes,
    ticketRoutes,
    runRoutes,
    gateRoutes,
    releaseRoutes,
    rollbackRoutes,
    trailRoutes,
    quarantineRoutes,
    incidentRoutes,
    trailProofRoutes,
    erasureRoutes,
    evidenceRoutes,
    digestRoutes,
    ladderRoutes,
    metricRoutes,
  ])
    routes(app, api);
  serveMcp(app, api);
  await serveConsole(app);
  return app;
}

const READS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** How long an answer waits until what was done can be read. Milliseconds. */
const SEEN_MS = 2_000;

/** Whoever has done something reads it next, whichever way. What was done is answered all the same where that takes long, or the database is away. */
async function seenBy({ trail, readModel }: Api['factory']): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, SEEN_MS);
  const seen = trail.head().then(
    (head) => readModel.shown(head),
    () => undefined,
  );
  await Promise.race([seen, late.promise]);
  clearTimeout(timer);
}

/** What is asked, where it fits. */
const fitting = (schema: z.ZodType) => (data: unknown) => {
  const read = schema.safeParse(data);
  if (read.success) return { value: read.data };
  const [issue] = read.error.issues;
  const where = issue?.path.length ? `${issue.path.join('.')}: ` : '';
  return { error: problem('bad-request', `${where}${issue?.message ?? 'it does not fit'}`) };
};

/** Past the serializer of the route: what a problem looks like is the same everywhere. */
const refuse = (reply: FastifyReply, problem: Problem) =>
  reply.status(problem.status).type('application/problem+json').serializer(JSON.stringify).send(problem);

/** Only one orchestrator at a time answers for a factory; others say who does. */
function activeOnly(heldBy: string | null): void {
  if (heldBy !== null)
    throw problem(
      'standby',
      `this orchestrator does not have the factory; who has: ${heldBy}`,
      'ask that one (--url, or MILLWRIGHT_URL); this one takes over within a second of its end',
    );
}

/** What stands when nobody can sign in, who might want to go back. */
const KEPT: Partial<Record<string, string>> = {
  'store-unreachable': 'what is deployed goes on serving, and is watched; a bad canary goes back by itself',
};

function problemFrom(error: FastifyError | HttpProblem | DriveError): Problem {
  if (error instanceof HttpProblem) return error.problem;
  if (error instanceof NotSteered) return problemOf(error.code, error.message, error.next);
  if (error instanceof DriveError) {
    const { code, disposition, message } = error;
    const kept = KEPT[code];
    const unlisted = disposition === 'retryable' ? 'unavailable' : 'internal';
    return problemOf(isErrorCode(code) ? code : unlisted, message, kept === undefined ? {} : { kept }, code);
  }
  const status = error.statusCode ?? 500;
  if (status >= 500) return problemOf('internal', 'the factory failed at this; its log says why');
  return problemOf(status === 413 ? 'body-too-large' : 'bad-request', error.message);
}
