import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BASE } from '@millwright/api';
import { z } from 'zod';
import { failed } from '../fail.ts';
import { duration } from '../text/format.ts';
import { type ChildSpec, type Env, endOf, startChild } from './child.ts';
import * as environment from './environment.ts';
import { hashOf, identityOf, makeDataFolder, writePrivate } from './identity.ts';
import { tail } from './logs.ts';
import { migrated } from './migrated.ts';
import { freePort, isFree, listensOn } from './port.ts';
import { type Database, embeddedDatabase, externalDatabase } from './postgres/database.ts';
import { answers } from './ready.ts';
import { ROOT } from './root.ts';
import { leaveFolder, nameChildren, takeFolder } from './running.ts';
import { setUp } from './set-up.ts';
import { type Supervised, supervise } from './supervise.ts';

export type FactoryOptions = {
  data: string;
  /** 0: a free one. */
  port: number;
  /** Who answers for Claude: the conversations in a folder, or a person, by files in it. Null: Claude. */
  recorded: { folder: string; byHand: boolean } | null;
  env: Record<string, string | undefined>;
  /** Other programs than `PROGRAMS`: the life cycle is tested without the whole factory. */
  programs?: typeof PROGRAMS;
  /** A step is done: what, and how long it took. */
  step(name: string, said: string, ms: number): void;
  /** A process died and comes back. */
  restarting(died: { name: string; said: string }): void;
  /** The runner found that no model answers for these roles. */
  unasked(found: { roles: string[]; detail: string }[]): void;
  /** The factory cannot go on; it is to be stopped. */
  gaveUp(message: string): void;
};

export type Factory = {
  url: string;
  id: string;
  token: string /** Runner first, Postgres last. `hurry` ends the waiting for clean ends. */;
  stop(hurry: AbortSignal): Promise<void>;
};

const READY_MS = 60_000;
const RECORDED_MS = 15_000;

/** What each process runs, from the checkout's root. */
const PROGRAMS = {
  migrate: 'apps/orchestrator/src/migrate.ts',
  recorded: 'libs/agents/src/recorded/main.ts',
  orchestrator: 'apps/orchestrator/src/main.ts',
  runner: 'apps/sandbox-runner/src/main.ts',
};

/**
 * What each loads while the database is made, most of what it imports: 0.7–1.0 s of processor time each, which a first start would else
 * wait for after the 1.5 s that the database takes.
 */
const LOADS: Record<string, readonly string[]> = {
  [PROGRAMS.migrate]: ['libs/store/src/index.ts', 'libs/queue/src/index.ts'],
  [PROGRAMS.orchestrator]: [
    'apps/orchestrator/src/http/server.ts',
    'apps/orchestrator/src/runs/driver.ts',
    'apps/orchestrator/src/incidents/healer.ts',
  ],
  [PROGRAMS.runner]: [
    'apps/sandbox-runner/src/attempt/run-attempt.ts',
    'libs/store/src/index.ts',
    'libs/queue/src/index.ts',
  ],
};

/** What the runner tells of its models (apps/sandbox-runner/src/check-models.ts). */
const Unasked = z.object({
  unasked: z.array(z.object({ roles: z.array(z.string()), detail: z.string() })),
});

const diedOf = (name: string, died: string, log: string) =>
  failed('start', `${name} did not start (${died}):\n${tail(log, 15)}`, { next: `its whole log: ${log}` });

/** Everything `up` starts, in order; whatever fails, what was started is stopped again in reverse, and the data folder is left. */
export async function startFactory(options: FactoryOptions): Promise<Factory> {
  const { data, env, programs = PROGRAMS } = options;
  const stops: ((hurry: AbortSignal) => Promise<void> | void)[] = [];
  const stop = async (hurry: AbortSignal) => {
    for (let next = stops.pop(); next !== undefined; next = stops.pop()) await next(hurry);
  };
  const timed = async <T>(name: string, said: (value: T) => string, work: () => Promise<T>): Promise<T> => {
    const from = performance.now();
    const value = await work();
    options.step(name, said(value), performance.now() - from);
    return value;
  };
  const gone = new AbortController();
  /** Which process could not be kept running, once one could not. */
  let lost: Error | null = null;
  const processes: Supervised[] = [];
  const keep = (name: string, spec: Omit<ChildSpec, 'name' | 'log'>) => {
    const log = join(data, 'logs', `${name}.log`);
    const child = supervise(
      { ...spec, name, log },
      {
        restarting: (died, delayMs) => {
          options.restarting({
            name,
            said: `died (${endOf(died.ended)}); started again in ${duration(delayMs)}. Its log: ${log}`,
          });
          setTimeout(note, delayMs + 50).unref();
        },
        gaveUp: (died, deaths) => {
          lost = diedOf(`the ${died.name}`, endOf(died.ended), log);
          gone.abort();
          options.gaveUp(
            `${died.name} died ${deaths} times within a minute (last: ${endOf(died.ended)}):\n${tail(log, 15)}\n  its whole log: ${log}`,
          );
        },
      },
    );
    processes.push(child);
    stops.push((hurry) => child.stop(hurry));
    note();
    return child;
  };
  const note = () =>
    nameChildren(
      data,
      processes.map((child) => child.pid()),
    );

  const startRecorded = async (given: NonNullable<FactoryOptions['recorded']>) => {
    const port = await freePort();
    const folder = resolve(given.folder);
    const args = [given.byHand ? '--by-hand' : '--scripts', folder, '--port', String(port)];
    keep('recorded', { file: programs.recorded, args, env: environment.ordinaryEnv(env), heapMiB: 128 });
    return { folder, port, url: `http://127.0.0.1:${port}` };
  };

  makeDataFolder(data);
  await takeFolder(data);
  stops.push(() => leaveFolder(data));
  try {
    if (options.recorded?.byHand === false && !existsSync(options.recorded.folder))
      throw failed(
        'no_recordings',
        `there is no folder ${options.recorded.folder} of recorded conversations`,
      );
    if (options.port !== 0 && !(await isFree(options.port)))
      throw failed('port_taken', `port ${options.port} is taken by another program`, {
        next: `choose another: ./millwright up --port ${options.port + 1}    (0 takes a free one)`,
      });
    const port = options.port === 0 ? await freePort() : options.port;
    const identity = identityOf(data);
    const { image, dockerHost } = setUp(env);
    if (image === undefined)
      throw failed('not_set_up', 'no sandbox image was set up on this machine', { next: 'npm run setup' });
    const shared = { factory: identity.factory, image, dockerHost };
    const migrateLog = join(data, 'logs', 'migrate.log');

    // Stopped last: whatever else runs may still write.
    let served: Database | null = null;
    stops.push(() => served?.stop());
    // Beside the database, which is most of a first start: the recorded model needs nothing of it, the others load their modules.
    const recorded = options.recorded === null ? null : await startRecorded(options.recorded);
    const made = Promise.withResolvers<Database>();
    const ready = Promise.withResolvers<Database>();
    const migrating = startChild({
      ...{ name: 'migrate', file: programs.migrate, log: migrateLog, heapMiB: 256 },
      env: environment.ordinaryEnv(env),
      later: {
        env: made.promise.then((on) =>
          environment.migrateEnv(env, { url: on.url('migrator'), passwords: identity.passwords }),
        ),
        loads: LOADS[programs.migrate] ?? [],
      },
    });
    stops.push((hurry) => migrating.stop(hurry));
    /** The database's addresses are empty until it is there. */
    const keepOn = (
      name: 'orchestrator' | 'runner',
      envOn: (urlOf: (role: Parameters<Database['url']>[0]) => string, queueUrl: string) => Env,
    ) => {
      const file = programs[name];
      const rest = ready.promise.then((on) => envOn((role) => on.url(role), env.REDIS_URL || on.url(name)));
      const later = { env: rest, loads: LOADS[file] ?? [] };
      const told = (message: unknown) => {
        const said = Unasked.safeParse(message);
        if (said.success) options.unasked(said.data.unasked);
      };
      keep(name, { file, env: envOn(() => '', ''), later, heapMiB: 512, told });
    };
    keepOn('orchestrator', (urlOf, queueUrl) =>
      environment.orchestratorEnv(env, {
        ...shared,
        databaseUrl: urlOf('orchestrator'),
        redactorUrl: urlOf('redactor'),
        queueUrl,
        data,
        port,
        recordedUrl: recorded?.url ?? null,
        tokenHash: hashOf(identity.token),
      }),
    );
    keepOn('runner', (urlOf, queueUrl) =>
      environment.runnerEnv(env, {
        ...shared,
        databaseUrl: urlOf('runner'),
        queueUrl,
        data,
        recordedUrl: recorded?.url ?? null,
      }),
    );

    const database = await timed(
      'Postgres',
      (found) => found.said,
      async () => {
        const started = env.DATABASE_URL
          ? externalDatabase(env.DATABASE_URL, identity.passwords)
          : await embeddedDatabase(data, identity.passwords);
        // Before the step is told: whoever asked to stop meanwhile is answered there, and it would be left running.
        served = started;
        return started;
      },
    );
    database.keep({
      restarted: () => options.restarting({ name: 'Postgres', said: 'died; started again on its port' }),
      gaveUp: (why) => options.gaveUp(`Postgres cannot be kept running: ${why}`),
    });
    made.resolve(database);
    await timed(
      'migrations',
      () => 'applied',
      () => migrated(migrating, migrateLog),
    );
    // Both at once: the runner finds work on the trail whoever was there first.
    ready.resolve(database);

    if (recorded !== null)
      await timed(
        'recorded',
        () => `${recorded.url}, from ${recorded.folder}`,
        async () => {
          for (let waited = 0; !(await listensOn(recorded.port)); waited += 50) {
            if (gone.signal.aborted || waited > RECORDED_MS)
              throw (
                lost ?? diedOf('the recorded model', 'it does not listen', join(data, 'logs', 'recorded.log'))
              );
            await new Promise((done) => setTimeout(done, 50));
          }
        },
      );
    const url = `http://127.0.0.1:${port}`;
    await timed(
      'orchestrator',
      () => url,
      async () => {
        if (!(await answers(`${url}${BASE}/health`, READY_MS, gone.signal)))
          throw (
            lost ??
            diedOf(
              'the orchestrator',
              `no answer at ${url}${BASE}/health`,
              join(data, 'logs', 'orchestrator.log'),
            )
          );
      },
    );
    options.step('runner', 'one, on this engine', 0);
    writePrivate(
      join(data, 'factory.json'),
      `${JSON.stringify({ url, pid: process.pid, factory: identity.factory, root: ROOT })}\n`,
    );
    return {
      url,
      id: identity.factory,
      token: identity.token,
      stop,
    };
  } catch (error) {
    await stop(new AbortController().signal);
    throw error;
  }
}
