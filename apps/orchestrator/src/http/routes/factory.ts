import type { Halted, ReadModelView } from '@millwright/api';
import type { OpenTrail } from '@millwright/audit';
import type { Clock } from '@millwright/domain';
import {
  factoryStream,
  type Halt,
  inForceHalts,
  nameOfScope,
  type RoleScope,
  type RunId,
  type RunnerName,
  sameScope,
} from '@millwright/domain';
import type { ReadModel } from '@millwright/read-model';
import type { Store } from '@millwright/store';
import type { FastifyInstance } from 'fastify';
import type { Repositories } from '../../source-control/repositories.ts';
import type { Forward } from '../../streams/forward.ts';
import type { Runners } from '../../streams/runners.ts';
import type { Streams } from '../../streams/streams.ts';
import type { Views } from '../../views/views.ts';
import { type Api, type BodyOf, serve, serveThere } from '../api.ts';
import { appendAs } from '../append-as.ts';
import { connectionLines } from '../connection-lines.ts';
import { doctor } from '../doctor.ts';
import { namesOf } from '../names.ts';
import { notFound } from '../problem.ts';
import { knownRepo } from './repos.ts';
import { knownUnit } from './units.ts';

type Ports = {
  clock: Clock;
  disk: () => Promise<{ free: number; of: number }>;
  forward: Forward;
  readModel: ReadModel;
  repositories: Repositories;
  runners: Runners;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
  views: Views;
};

export function factoryRoutes(app: FastifyInstance, api: Api): void {
  const { factory, version, driver } = api;
  serve(app, 'health', () => ({ ok: true, version, position: factory.views.position }));

  serve(app, 'doctor', async () => [...(await doctor(factory)), ...connectionLines(api)]);

  serve(app, 'showViews', () => viewsOf(factory));

  serve(app, 'rebuildViews', async (request, reply) => {
    factory.readModel.rebuild().catch((error: unknown) => {
      request.log.error({ err: error }, 'what is read could not be rebuilt: it stays as it was');
    });
    return reply.status(202).send(await viewsOf(factory));
  });

  serve(app, 'listHalts', async () => {
    const halts = await factory.forward.halts();
    return seen(halts, await runningOf(factory, halts));
  });

  /** Where one has to have a role for it: an action or a model is the whole factory's. */
  const placeOfHalt = ({ scope = { kind: 'factory' } }: BodyOf<'halt'>): RoleScope =>
    scope.kind === 'repo' || scope.kind === 'unit' ? scope : { kind: 'factory' };
  // A name that is nobody's stops nothing, and "stopped" would be taken for what was meant.
  const knownHalt = async ({ body }: { body: BodyOf<'halt'> }): Promise<RoleScope> => {
    const { scope } = body;
    if (scope?.kind === 'repo') knownRepo(factory, scope.repo);
    if (scope?.kind === 'unit') await knownUnit(factory, scope.unit);
    if (scope?.kind === 'model') await knownModel(factory, scope.model);
    if (scope?.kind === 'runner') await knownRunner(factory, scope.runner);
    return placeOfHalt(body);
  };

  serveThere(app, api, 'halt', knownHalt, async (request) => {
    const scope = request.body.scope ?? { kind: 'factory' as const };
    const halted = { type: 'factory.halted', data: request.body } as const;
    const position = await appendAs(factory, factoryStream(), request.who, halted);
    // Somebody may resume it before it has its answer: then it is none.
    const inForce = async () => (await factory.forward.halts()).filter((one) => sameScope(one.scope, scope));
    await untilQuiet(factory, async () => (await runningOf(factory, await inForce())).length === 0);
    const mine = await inForce();
    return { ...(await seen(mine, await runningOf(factory, mine))), already: position === null };
  });

  serveThere(
    app,
    api,
    'resume',
    ({ body }) => placeOfHalt(body),
    async (request) => {
      let before: Halt[] = [];
      await appendAs(
        factory,
        factoryStream(),
        request.who,
        ({ halts }) => {
          before = inForceHalts(halts);
          return { type: 'factory.resumed', data: request.body };
        },
        () => ({ acts: before.map(({ scope }) => ({ act: 'resume' as const, scope })) }),
      );
      const left = await factory.forward.halts();
      driveOpen(factory, driver);
      const lifted = before.find(({ scope }) => !left.some((one) => sameScope(one.scope, scope)));
      const view = await seen(left, await runningOf(factory, left));
      return { ...view, lifted: lifted === undefined ? null : nameOfScope(lifted.scope) };
    },
  );

  const seen = async (halts: readonly Halt[], running: string[]): Promise<Halted> => {
    const names = await namesOf(factory);
    return {
      halts: halts.map((one) => ({
        scope: one.scope,
        what: nameOfScope(one.scope),
        by: names.get(one.by) ?? one.by,
        reason: one.reason,
        at: one.at,
        next: { act: 'resume' as const, scope: one.scope },
      })),
      already: false,
      lifted: null,
      stopped: halts.length > 0 && running.length === 0,
      running,
    };
  };
}

/** Throws 404 for a model that no runner would ask, and no open attempt asked; where nothing is known of any, it may be one. */
async function knownModel({ store, views }: Ports, model: string): Promise<void> {
  const configured = (await store.notes.list('model/')).map(({ key }) => key.slice('model/'.length));
  const asked = [...views.open.attempts.values()].flatMap((one) => [one.model, one.asks?.model ?? null]);
  const known = [...new Set([...configured, ...asked])].filter((one) => one !== null).sort();
  if (known.length > 0 && !known.includes(model))
    throw notFound('model in use here called', model, `there are: ${known.join(', ')}`, known);
}

async function knownRunner(factory: Ports, runner: RunnerName): Promise<void> {
  const names = (await factory.runners.look()).map(({ name }) => name);
  if (!names.includes(runner))
    throw notFound('runner that lives called', runner, `there are: ${names.join(', ') || 'none'}`, names);
}

/** How long an answer waits for what was told to stop. Milliseconds. */
const QUIET_MS = 8_000;

/** Waits, bounded, until `quiet`; whoever calls looks afterwards what is so. */
export async function untilQuiet(factory: Ports, quiet: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + QUIET_MS; Date.now() < end && !(await quiet()); )
    await factory.clock.sleep(25);
}

/** What was halted or frozen may go on: every open run looks. */
export function driveOpen(factory: Ports, driver: { drive(run: RunId): void }): void {
  for (const id of factory.views.open.runs.keys()) driver.drive(id);
}

/** What of these halts' scopes still runs: acts of this orchestrator, and attempts that a living runner holds. */
async function runningOf(factory: Ports, halts: readonly Halt[]): Promise<string[]> {
  const acts = halts.flatMap(({ scope }) => factory.forward.underWay(scope));
  const held = await factory.trail.heldClaims();
  const ofRunner = halts.some(({ scope }) => scope.kind === 'runner');
  const runners = ofRunner ? await factory.runners.look() : [];
  const attempts = held.filter(({ attempt, incarnation }) => {
    const runner = runners.find((one) => one.incarnation === incarnation)?.name ?? null;
    const info = factory.views.open.attempts.get(attempt);
    const run = info && factory.views.open.run(info.run);
    // Whose it is cannot be told: what is halted may be it.
    if (info === undefined || run === undefined)
      return halts.some(({ scope }) => scope.kind !== 'runner' || scope.runner === runner);
    const act = { action: 'stage' as const, repo: run.repo, model: info.asks?.model ?? info.model, runner };
    return halts.some(({ scope }) => factory.forward.within(scope, act));
  });
  return [...new Set([...acts, ...attempts.map(({ attempt }) => `attempt ${attempt} in its sandbox`)])];
}

async function viewsOf({ readModel, trail }: Ports): Promise<ReadModelView> {
  const parked = await readModel.parked();
  return { ...readModel.state(), head: await trail.head(), parked };
}
