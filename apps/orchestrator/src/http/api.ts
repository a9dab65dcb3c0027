import { type AnswerOf, BASE, ROUTES, type Route, type RouteName, type RouteOf } from '@millwright/api';
import type { OpenTrail, Prover, Redactor, Sealer } from '@millwright/audit';
import type { Clock, Ids, RepoName, RunId } from '@millwright/domain';
import type { ReadModel } from '@millwright/read-model';
import type { Secrets, Store } from '@millwright/store';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { Deployments } from '../releases/deployments.ts';
import type { Pager } from '../releases/pager.ts';
import type { Driver } from '../runs/driver.ts';
import type { Settings } from '../settings.ts';
import type { Repositories } from '../source-control/repositories.ts';
import type { Forward } from '../streams/forward.ts';
import type { KnownSecrets } from '../streams/known-secrets.ts';
import type { LocalLeases } from '../streams/local-leases.ts';
import type { Register } from '../streams/register.ts';
import type { Streams } from '../streams/streams.ts';
import type { Views } from '../views/views.ts';
import type { Who } from './authenticate.ts';

type Ports = {
  clock: Clock;
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
  retrying: Map<RunId, string>;
  sealer: Sealer;
  secrets: Secrets;
  settings: Settings;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
  awaitingCheckpoint: Map<RunId, string>;
  views: Views;
};

/** What the routes work with. */
export type Api = {
  factory: Ports;
  driver: Driver;
  version: string;
  wakeIntake: () => void;
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

/** Serves a route of the table: what is asked and what is answered fit what it says there, and who asks may. */
export function serve<N extends RouteName>(
  app: FastifyInstance,
  name: N,
  handler: (request: Asked<RouteOf<N>>, reply: FastifyReply) => Answer<N> | Promise<Answer<N>>,
): void {
  const route: Route = ROUTES[name];
  const { params, query: querystring, headers, body, response } = route;
  const schema = { params, querystring, headers, body, response: response && { '2xx': response } };
  const given = Object.fromEntries(Object.entries(schema).filter(([, one]) => one));
  app.route({
    method: route.method,
    url: BASE + route.path,
    schema: given,
    config: { route },
    handler: handler as RouteHandlerMethod,
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
