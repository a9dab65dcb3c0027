import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { failed } from '../fail.ts';
import { duration } from '../text/format.ts';
import { endOf, startChild } from './child.ts';
import * as environment from './environment.ts';
import { hashOf, type Identity, identityOf, makeDataFolder, writePrivate } from './identity.ts';
import { tail } from './logs.ts';
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
  /** Folder of recorded conversations; null: Claude. */
  recorded: string | null;
  env: Record<string, string | undefined>;
  /** Other programs than `PROGRAMS`: the life cycle is tested without the whole factory. */
  programs?: typeof PROGRAMS;
  /** A step is done: what, and how long it took. */
  step(name: string, said: string, ms: number): void;
  /** A process died and comes back. */
  restarting(died: { name: string; said: string }): void;
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
const MIGRATE_MS = 120_000;
const RECORDED_MS = 15_000;

/** What each process runs, from the checkout's root. */
export const PROGRAMS = {
  migrate: 'apps/orchestrator/src/migrate.ts',
  recorded: 'libs/agents/src/recorded/main.ts',
  orchestrator: 'apps/orchestrator/src/main.ts',
  runner: 'apps/sandbox-runner/src/main.ts',
};

const diedOf = (name: string, died: string, log: string) =>
  failed('start', `${name} did not start (${died}):\n${tail(log, 15)}`, { next: `its whole log: ${log}` });

async function migrated(options: FactoryOptions, database: Database, { passwords }: Identity): Promise<void> {
  const log = join(options.data, 'logs', 'migrate.log');
  const env = environment.migrateEnv(options.env, { url: database.url('migrator'), passwords });
  const child = startChild({
    name: 'migrate',
    file: (options.programs ?? PROGRAMS).migrate,
    env,
    log,
    heapMiB: 256,
  });
  const late = setTimeout(() => void child.stop(AbortSignal.abort()), MIGRATE_MS);
  const ended = await child.ended;
  clearTimeout(late);
  if (ended.code !== 0)
    throw failed(
      'migrate',
      `the database could not be brought to this version (${endOf(ended)}):\n${tail(log, 15)}`,
      { kept: 'the database as it was', next: `its whole log: ${log}` },
    );
}

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
  const keep = (
    name: string,
    file: string,
    childEnv: Record<string, string>,
    heapMiB: number,
    args: string[] = [],
  ) => {
    const log = join(data, 'logs', `${name}.log`);
    const child = supervise(
      { name, file, args, env: childEnv, log, heapMiB },
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

  const startRecorded = async (folder: string) => {
    const port = await freePort();
    const args = ['--scripts', folder, '--port', String(port)];
    keep('recorded', programs.recorded, environment.recordedEnv(env), 128, args);
    return { folder, port, url: `http://127.0.0.1:${port}` };
  };

  makeDataFolder(data);
  await takeFolder(data);
  stops.push(() => leaveFolder(data));
  try {
    if (options.recorded !== null && !existsSync(options.recorded))
      throw failed('no_recordings', `there is no folder ${options.recorded} of recorded conversations`);
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

    // Beside the database, which is most of a first start: it needs nothing of it.
    const recorded = options.recorded === null ? null : await startRecorded(resolve(options.recorded));

    const database = await timed(
      'Postgres',
      (found) => found.said,
      async () => {
        const started = env.DATABASE_URL
          ? externalDatabase(env.DATABASE_URL, identity.passwords)
          : await embeddedDatabase(data, identity.passwords);
        // Before the step is told: whoever asked to stop meanwhile is answered there, and it would be left running.
        stops.push(() => started.stop());
        return started;
      },
    );
    database.keep({
      restarted: () => options.restarting({ name: 'Postgres', said: 'died; started again on its port' }),
      gaveUp: (why) => options.gaveUp(`Postgres cannot be kept running: ${why}`),
    });
    await timed(
      'migrations',
      () => 'applied',
      () => migrated(options, database, identity),
    );

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
    const queue = (role: 'orchestrator' | 'runner') => env.REDIS_URL || database.url(role);
    const url = `http://127.0.0.1:${port}`;
    await timed(
      'orchestrator',
      () => url,
      async () => {
        const childEnv = environment.orchestratorEnv(env, {
          ...shared,
          databaseUrl: database.url('orchestrator'),
          redactorUrl: database.url('redactor'),
          queueUrl: queue('orchestrator'),
          data,
          port,
          tokenHash: hashOf(identity.token),
        });
        keep('orchestrator', programs.orchestrator, childEnv, 512);
        // It finds work on the trail whoever was there first: they start side by side.
        const runnerEnv = environment.runnerEnv(env, {
          ...shared,
          databaseUrl: database.url('runner'),
          queueUrl: queue('runner'),
          data,
          recordedUrl: recorded?.url ?? null,
        });
        keep('runner', programs.runner, runnerEnv, 512);
        if (!(await answers(`${url}/health`, READY_MS, gone.signal)))
          throw (
            lost ??
            diedOf('the orchestrator', `no answer at ${url}/health`, join(data, 'logs', 'orchestrator.log'))
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
