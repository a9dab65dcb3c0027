import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Factory } from '../factory.ts';
import type { Driver } from '../runs/driver.ts';
import type { Who } from './authenticate.ts';

/** What the routes work with. */
export type Api = { factory: Factory; driver: Driver; version: string; wakeIntake: () => void };

/** A server whose routes are typed by their zod schemas. */
export const typed = (app: FastifyInstance) => app.withTypeProvider<ZodTypeProvider>();
export type App = ReturnType<typeof typed>;

declare module 'fastify' {
  interface FastifyRequest {
    who: Who;
  }
}
