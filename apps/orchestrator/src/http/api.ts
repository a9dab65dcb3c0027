import {
  type AnswerOf,
  BASE,
  ROUTES,
  type Route,
  type RouteName,
  type RouteOf,
  type ScopedRoute,
} from '@millwright/api';
import type { OpenTrail, Prover, Redactor, Sealer } from '@millwright/audit';
import type { Clock, Ids, RepoName, RoleScope, RunId } from '@millwright/domain';
import type { ReadModel } from '@millwright/read-model';
import type { Secrets, Store } from '@millwright/store';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { Delay } from '../outside/outside.ts';
import type { Places } from '../outside/places.ts';
import type { Deployments } from '../releases/deployments.ts';
import type { Pager } from '../releases/pager.ts';
import type { Driver } from '../runs/driver.ts';
import type { Turns } from '../runs/turns.ts';
import type { Settings } from '../settings.ts';
import type { Repositories } from '../source-control/repositories.ts';
import type { Forward } from '../streams/forward.ts';
import type { KnownSecrets } from '../streams/known-secrets.ts';
import type { LocalLeases } from '../streams/local-leases.ts';
import type { Register } from '../streams/register.ts';
import type { Runners } from '../streams/runners.ts';
import type { Streams } from '../streams/streams.ts';
import type { Views } from '../views/views.ts';
import { requireRole, type Who } from './authenticate.ts';

type Ports = {
  clock: Clock;
  disk: () => Promise<{ free: number; of: number }>;
  deployments: Deployments;
  deploys: LocalLeases<RepoName>;
  forward: Forward;
  ids: Ids;
  knownSecrets: KnownSecrets;
  log: Logger;
  merges: LocalLeases<RepoName>;
  modelKey: boolean | null;
  pager: Pager;
  prover: Prover;
  readModel: ReadModel;
  register: Register;
  redactor: Redactor | null;
  repositories: Repositories;
  runners: Runners;
  retrying: Map<RunId, string>;
  sealer: Sealer;
  secrets: Secrets;
  settings: Settings;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
  turns: Turns;
  awaitingCheckpoint: Map<RunId, string>;
  views: Views;
};

/** What the routes work with. */
export type Api = {
  factory: Ports;
  driver: Driver;
  version: string;
  wakeIntake: () => void;
  /** Where repositories are connected to: opened, looked at at once, and what keeps it from being followed. */
  outside: { places: Places; poll(repo: RepoName): void; delayOf(repo: RepoName): Delay | null };
  /** Who has the factory, where it is not this orchestrator. */
  heldBy: () => string | null;
};

type Out<R, K extends string> =
  R extends Readonly<Record<K, infer S extends z.ZodType>> ? z.output<S> : unknown;
type Asked<R> = FastifyRequest<{
  Params: Out<R, 'params'>;
  Querystring: Out<R, 'query'>;
  Headers: Out<R, 'headers'>;
  Body: Out<R, 'body'>;
}>;
type Answer<N extends RouteName> = AnswerOf<N> | FastifyReply;

export type QueryOf<N extends RouteName> = Out<RouteOf<N>, 'query'>;
export type BodyOf<N extends RouteName> = Out<RouteOf<N>, 'body'>;

/** Serves a route of the table: what is asked and what is answered fit what it says there, and who asks may. */
export function serve<N extends Exclude<RouteName, ScopedRoute>>(
  app: FastifyInstance,
  name: N,
  handler: (request: Asked<RouteOf<N>>, reply: FastifyReply) => Answer<N> | Promise<Answer<N>>,
): void {
  register(app, name, handler as RouteHandlerMethod);
}

/**
 * The same for a route whose role has to be had where it is used. `where` says where that is, of what is asked, before anything is done; who asks
 * has one of the route's roles in each of these scopes, or is refused. The handler is given what was found.
 */
export function serveThere<N extends ScopedRoute, const S extends RoleScope | readonly RoleScope[]>(
  app: FastifyInstance,
  { factory }: Api,
  name: N,
  where: (request: Asked<RouteOf<N>>) => S | Promise<S>,
  handler: (request: Asked<RouteOf<N>>, reply: FastifyReply, there: S) => Answer<N> | Promise<Answer<N>>,
): void {
  const { may } = ROUTES[name];
  register(app, name, async (request, reply) => {
    const asked = request as Asked<RouteOf<N>>;
    const there = await where(asked);
    for (const scope of [there].flat() as RoleScope[]) await requireRole(factory, asked.who, may, scope);
    return handler(asked, reply, there);
  });
}

function register(app: FastifyInstance, name: RouteName, handler: RouteHandlerMethod): void {
  const route: Route = ROUTES[name];
  const { params, query: querystring, headers, body, response } = route;
  const schema = { params, querystring, headers, body, response: response && { '2xx': response } };
  const given = Object.fromEntries(Object.entries(schema).filter(([, one]) => one));
  app.route({
    method: route.method,
    url: BASE + route.path,
    schema: given,
    config: { route },
    handler,
  });
}

declare module 'fastify' {
  interface FastifyRequest {
    who: Who;
  }
  interface FastifyContextConfig {
    route?: Route;
  }
}
