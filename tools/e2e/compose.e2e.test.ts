import { execFile } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunView, TicketView, type TrailLine } from '@millwright/api';
import Docker from 'dockerode';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makePlace, type Place } from '../demo/place.ts';
import { TICKETS } from '../demo/tickets.ts';
import { ROOT } from './factory.ts';
import { leftovers } from './leftovers.ts';

// docker-compose.yml as a user brings it up: the one command, up, a ticket of the demo, a killed orchestrator and a killed runner meanwhile, more
// runners and fewer, and down, with nothing left.

/** Five minutes on two idle cores: for `npm run test:long`. */
const LONG = { tags: ['long'] };
const STEP_MS = 560_000;
const engine = new Docker();
let place: Place;
let env: Record<string, string>;
let compose: string[];
let port: number;

function run(program: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      cwd: ROOT,
      env: { ...process.env, ...more },
      timeout: STEP_MS,
      maxBuffer: 64 * 1024 * 1024,
    };
    execFile(program, [...args], options, (error, stdout, stderr) =>
      error
        ? reject(new Error(`${program} ${args.join(' ')}: ${error.message}\n${stdout}\n${stderr}`))
        : resolve(stdout),
    );
  });
}
const composed = async (...args: string[]) => {
  const [program = '', ...first] = compose;
  try {
    return await composing(program, first, args);
  } catch (error) {
    // Compose says that a container ended, and not why.
    const ended = (await containers()).filter(({ State }) => State === 'exited');
    const said = ended.map(async ({ Id, Names }) => {
      const log = await engine.getContainer(Id).logs({ stdout: true, stderr: true, tail: 20 });
      return `${Names.join()}:\n${log.toString('utf8')}`;
    });
    throw new Error((await Promise.all(said)).join('\n'), { cause: error });
  }
};
const composing = (program: string, first: readonly string[], args: readonly string[]) =>
  run(
    program,
    [
      ...first,
      ...['--project-name', project(), '--env-file', join(place.folder, 'env')],
      ...['--file', 'docker-compose.yml', '--file', 'tools/compose/recorded.yml'],
      ...args,
    ],
    env,
  );
const project = () => basename(place.folder).toLowerCase();
const cli = (...args: string[]) =>
  run(process.execPath, ['apps/cli/src/main.ts', ...args, '--data', place.data, '--json']);

/** Three in a row that nobody listens on now. */
async function freePorts(): Promise<number> {
  const listens = (wanted: number) =>
    new Promise<number | null>((resolve) => {
      const server = createServer();
      server.once('error', () => resolve(null));
      server.listen(wanted, '127.0.0.1', () => {
        const address = server.address();
        server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : null));
      });
    });
  for (;;) {
    const first = await listens(0);
    if (first !== null && (await listens(first + 1)) !== null && (await listens(first + 2)) !== null)
      return first;
  }
}

async function until<T>(what: string, look: () => Promise<T | null>): Promise<T> {
  let last: unknown = null;
  for (const end = Date.now() + STEP_MS; Date.now() < end; await sleep(100)) {
    const seen = await look().catch((error: unknown) => {
      // Nobody has the factory at this moment, or a container is just being made.
      if (!(error instanceof Error) || !/answered 503|fetch failed/.test(error.message)) throw error;
      last = error;
      return null;
    });
    if (seen !== null) return seen;
  }
  throw new Error(`waited too long for ${what}; last: ${last}`);
}

async function api<T>(path: string): Promise<T> {
  const token = readFileSync(join(place.data, 'token'), 'utf8').trim();
  const answer = await fetch(`http://127.0.0.1:${port}/v1${path}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as T;
}
const readyAt = async (at: number) => (await fetch(`http://127.0.0.1:${at}/readyz`)).status;
const runOf = async (ticket: string): Promise<RunView | null> => {
  const { runs } = TicketView.parse(await api(`/tickets/${ticket}`));
  const newest = runs.at(-1);
  return newest === undefined ? null : RunView.parse(await api(`/runs/${newest}`));
};
const containers = async (service?: string) => {
  const of = service === undefined ? [] : [`com.docker.compose.service=${service}`];
  const label = [`com.docker.compose.project=${project()}`, ...of];
  return engine.listContainers({ all: true, filters: { label } });
};
/** As a crash ends it: the engine, told to kill it, would not start it again. */
async function crash(service: string): Promise<void> {
  const [found] = await containers(service);
  if (found === undefined) throw new Error(`no ${service} runs`);
  process.kill((await engine.getContainer(found.Id).inspect()).State.Pid, 'SIGKILL');
}

beforeAll(async () => {
  place = await makePlace();
  port = await freePorts();
  const scripts = join(place.folder, 'scripts');
  cpSync(join(ROOT, 'examples/shop/conversations'), scripts, { recursive: true });
  chmodSync(place.folder, 0o755);
  env = {
    MILLWRIGHT_SCRIPTS: scripts,
    MILLWRIGHT_REPOSITORIES: place.folder,
    MILLWRIGHT_IMAGE: 'millwright/factory:e2e',
  };
  const given = ['--secrets', place.data, '--env', join(place.folder, 'env'), '--port', String(port)];
  const folder = mkdtempSync(join(tmpdir(), 'millwright-compose-'));
  env.MILLWRIGHT_FOLDER = folder;
  await run(process.execPath, [
    'tools/setup/main.mjs',
    '--yes',
    '--then',
    'compose:init',
    '--',
    ...given,
    '--folder',
    folder,
  ]);
  compose = await run('docker', ['compose', 'version']).then(
    () => ['docker', 'compose'],
    () => ['docker-compose'],
  );
  await composed('up', '--detach', '--build');
});

afterAll(async () => {
  const { MILLWRIGHT_FOLDER: folder = '' } = env;
  const id = /^MILLWRIGHT_FACTORY=(.*)$/m.exec(readFileSync(join(place.folder, 'env'), 'utf8'))?.[1] ?? '';
  await composed('down', '--volumes');
  // What is released goes on serving; what docs/compose.md says removes it.
  const filters = { label: [`millwright.factory=${id}`] };
  for (const { Id } of await engine.listContainers({ all: true, filters }))
    await engine.getContainer(Id).remove({ force: true, v: true });
  for (const { Id } of await engine.listNetworks({ filters })) await engine.getNetwork(Id).remove();
  for (const { Name } of (await engine.listVolumes({ filters })).Volumes ?? [])
    await engine.getVolume(Name).remove();
  for (const { Id } of await engine.listImages({ filters }))
    await engine.getImage(Id).remove({ force: true });
  if (readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${folder}/runner `))
    await run('umount', [join(folder, 'runner')]);
  const mine = { label: [`com.docker.compose.project=${project()}`] };
  const left = [
    ...(await leftovers(id, folder)),
    ...(await containers()).map(({ Names }) => `container ${Names.join()}`),
    ...(await engine.listNetworks({ filters: mine })).map(({ Name }) => `network ${Name}`),
    ...((await engine.listVolumes({ filters: mine })).Volumes ?? []).map(({ Name }) => `volume ${Name}`),
  ];
  rmSync(folder, { recursive: true, force: true });
  rmSync(place.folder, { recursive: true, force: true });
  expect(left).toEqual([]);
});

it('one orchestrator has the factory, the other says so, and one address finds it', LONG, async () => {
  await until('an orchestrator', async () => ((await readyAt(port)) === 200 ? true : null));
  const both = await Promise.all([readyAt(port + 1), readyAt(port + 2)]);
  expect(both.sort()).toEqual([200, 503]);
});

it('each reaches what it needs and no more', LONG, async () => {
  const reaches = async (service: string, host: string, at: number) => {
    const dial = `require('net').connect(${at},'${host}').setTimeout(3000).on('connect',()=>process.exit(0)).on('error',()=>process.exit(9)).on('timeout',()=>process.exit(9))`;
    return composed('exec', '-T', service, 'node', '-e', dial).then(
      () => true,
      () => false,
    );
  };
  const network = /^MILLWRIGHT_NET=(.*)$/m.exec(readFileSync(join(place.folder, 'env'), 'utf8'))?.[1];
  expect(await reaches('sandbox-runner', 'postgres', 5432)).toBe(true);
  expect(await reaches('sandbox-runner', 'redis', 6379)).toBe(true);
  expect(await reaches('sandbox-runner', 'recorded', 4700)).toBe(true);
  for (const gateway of ['127.0.0.1', `${network}.1`])
    for (const at of [port, port + 1, port + 2])
      expect(await reaches('sandbox-runner', gateway, at), `${gateway}:${at}`).toBe(false);
  expect(await reaches('recorded', `${network}.2`, 5432)).toBe(false);
});

it('no secret is in what the engine tells of a container, or in a file that git sees', LONG, async () => {
  const told = JSON.stringify(
    await Promise.all((await containers()).map(({ Id }) => engine.getContainer(Id).inspect())),
  );
  const settings = readFileSync(join(place.folder, 'env'), 'utf8') + (await composed('config'));
  const secrets = readdirSync(place.data).filter((name) => /password$|^token$|_hash$|_url$/.test(name));
  expect(secrets.length).toBeGreaterThan(10);
  for (const name of secrets) {
    const value = readFileSync(join(place.data, name), 'utf8').trim();
    expect(told.includes(value), name).toBe(false);
    expect(settings.includes(value), name).toBe(false);
  }
});

it(
  'a ticket ships while an orchestrator and a runner are killed, and runners come and go',
  LONG,
  async () => {
    const ticket = TICKETS[0];
    if (ticket === undefined) throw new Error('the demo has no ticket');
    await cli('repo', 'add', place.repository, '--name', 'shop');
    await cli('autonomy', 'set', '6', '--repo', 'shop', '--reason', 'for the test');
    const { id } = JSON.parse(await cli('ticket', 'file', ticket.file, '--repo', 'shop')) as { id: string };

    await until('an implementation under way', async () =>
      (await runOf(id))?.stages.some(({ kind, turns }) => kind === 'implement' && turns > 0) ? true : null,
    );
    const had = (await readyAt(port + 1)) === 200 ? 1 : 2;
    await crash(`orchestrator-${had}`);
    const other = port + (had === 1 ? 2 : 1);
    await until('the other orchestrator', async () => ((await readyAt(other)) === 200 ? true : null));
    await until('the killed one to stand by', async () =>
      (await readyAt(port + had)) === 503 ? true : null,
    );

    await composed('up', '--detach', '--no-recreate', '--scale', 'sandbox-runner=2');
    expect(await containers('sandbox-runner')).toHaveLength(2);
    expect((await runOf(id))?.endedAt).toBeNull();
    await crash('sandbox-runner');
    const done = await until('the end of the run', async () => {
      const seen = await runOf(id);
      return seen?.endedAt ? seen : null;
    });
    expect(done, done.reason ?? '').toMatchObject({ state: 'done', unknown: [] });
    expect(await ticket.probe.ask(`http://127.0.0.1:${place.port}`)).toContain('Storm');

    // Nothing happened twice.
    const trail = JSON.parse(await cli('trail', 'show', '--run', done.id, '--limit', '1000')) as TrailLine[];
    const count = (type: string) => trail.filter((line) => line.type === type).length;
    expect({ merged: count('merge.finished'), closed: count('run.closed') }).toEqual({
      merged: 1,
      closed: 1,
    });
    await cli('trail', 'verify');

    await composed('up', '--detach', '--no-recreate', '--scale', 'sandbox-runner=1');
    expect(await containers('sandbox-runner')).toHaveLength(1);
  },
);
