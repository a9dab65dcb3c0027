import type { OpenTrail, Prover, Redactor, Sealer } from '@millwright/audit';
import type { Clock, Ids, RepoName, RunId } from '@millwright/domain';
import type { ReadModel } from '@millwright/read-model';
import type { Secrets, Store } from '@millwright/store';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Logger } from 'pino';
import type { KnownSecrets } from '../known-secrets.ts';
import type { Deployments } from '../releases/deployments.ts';
import type { Pager } from '../releases/pager.ts';
import type { Driver } from '../runs/driver.ts';
import type { Settings } from '../settings.ts';
import type { Repositories } from '../source-control/repositories.ts';
import type { Forward } from '../streams/forward.ts';
import type { Lanes } from '../streams/lanes.ts';
import type { Streams } from '../streams/streams.ts';
import type { World } from '../views/world.ts';
import type { Who } from './authenticate.ts';

type Ports = {
  clock: Clock;
  deployments: Deployments;
  deploys: Lanes<RepoName>;
  forward: Forward;
  ids: Ids;
  knownSecrets: KnownSecrets;
  log: Logger;
  merges: Lanes<RepoName>;
  modelKey: boolean | null;
  pager: Pager;
  prover: Prover;
  readModel: ReadModel;
  redactor: Redactor | null;
  repositories: Repositories;
  retrying: Map<RunId, string>;
  sealer: Sealer;
  secrets: Secrets;
  settings: Settings;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
  unsealed: Map<RunId, string>;
  world: World;
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

/** A server whose routes are typed by their zod schemas. */
export const typed = (app: FastifyInstance) => app.withTypeProvider<ZodTypeProvider>();
export type App = ReturnType<typeof typed>;

declare module 'fastify' {
  interface FastifyRequest {
    who: Who;
  }
}
