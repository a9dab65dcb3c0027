import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BASE } from '@millwright/api';
import Docker from 'dockerode';
import { writeConversations } from './conversations.ts';

// An embedded factory on a throw-away folder, with the example shop as its repository; driven through its HTTP API.

const ROOT = join(import.meta.dirname, '../..');
const READY_MS = 60_000;

export type Running = {
  pid: number;
  data: string;
  /** Its id, which its containers are labelled with. */
  factory: string;
  /** As the administrator, or whose token is given. */
  api<T>(method: 'GET' | 'POST', path: string, body?: object, token?: string): Promise<T>;
  /** The address of the recorded model. */
  model(): string;
  /** The orchestrator's url of its database. */
  database(): string;
  log(name: 'runner' | 'orchestrator'): string;
  stop(): Promise<void>;
};

// As the npm commands start it (tools/setup/then.mjs).
const COMPILED = { NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/millwright') };
const ENV = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(ANTHROPIC_|MILLWRIGHT_(?!SANDBOX)|DATABASE_URL|REDIS_URL)/.test(name),
  ),
);

/** A model of the bench's own, under the names that recorded ones have: they cost nothing. */
const modelAt = (url: string): Record<string, string> => ({
  ...{ ANTHROPIC_API_KEY: 'recorded', ANTHROPIC_BASE_URL: url },
  ...Object.fromEntries(
    ['plan', 'implement', 'review', 'test', 'deploy'].map((role) => [
      `MILLWRIGHT_MODEL_${role.toUpperCase()}`,
      `recorded/${role}`,
    ]),
  ),
});

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** Files of about 1.2 kB, forty a folder, that nothing reads; half of each is nothing that packing makes smaller. */
function addFiles(work: string, many: number): void {
  for (let nth = 0; nth < many; nth += 1) {
    const folder = join(work, `data/part-${Math.floor(nth / 40)}`);
    if (nth % 40 === 0) mkdirSync(folder, { recursive: true });
    const noise = Array.from({ length: 10 }, (_, at) =>
      createHash('sha256').update(`${nth}/${at}`).digest('hex'),
    );
    writeFileSync(join(folder, `file-${nth}.txt`), `${noise.join('\n')}\n${'a line of a file\n'.repeat(35)}`);
  }
}

/** The example shop as a bare repository, at a port that is free; its canary as it is, or as told. */
async function shop(place: string, port: number, { canary, files = 0, deploys = true }: Options) {
  const [work, bare] = [join(place, 'work'), join(place, 'shop.git')];
  const skipped = /\/(tickets|conversations|node_modules)$/;
  cpSync(join(ROOT, 'examples/shop'), work, { recursive: true, filter: (path) => !skipped.test(path) });
  const file = join(work, 'millwright.yaml');
  const exposed = readFileSync(file, 'utf8').replace(/^( *expose:).*$/m, `$1 ${port}`);
  const told = canary === undefined ? exposed : exposed.replace(/^( *canary:).*$/m, `$1 ${canary}`);
  writeFileSync(file, deploys ? told : told.replace(/^deploy:\n(?:[ ].*\n)*/m, ''));
  addFiles(work, files);
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=Shop', '-c', 'user.email=shop@example.com', ...args], {
      cwd: work,
    });
  git('init', '--quiet', '--initial-branch=main');
  git('add', '--all');
  git('commit', '--quiet', '--message', 'Open the shop');
  git('clone', '--quiet', '--bare', work, bare);
  return bare;
}

/** Containers, networks, volumes and images of a factory that has stopped. */
async function sweep(factory: string): Promise<void> {
  const engine = new Docker();
  const filters = { label: [`millwright.factory=${factory}`] };
  for (const one of await engine.listContainers({ all: true, filters }))
    await engine.getContainer(one.Id).remove({ force: true, v: true });
  for (const one of await engine.listNetworks({ filters })) await engine.getNetwork(one.Id).remove();
  for (const one of (await engine.listVolumes({ filters })).Volumes ?? [])
    await engine.getVolume(one.Name).remove({ force: true });
  for (const one of await engine.listImages({ filters }))
    await engine.getImage(one.Id).remove({ force: true });
}

type Options = {
  /** What the recorded model says. */
  conversations: readonly object[];
  /** A model elsewhere in its place. */
  model?: string;
  /** The shop's canary, in YAML. */
  canary?: string;
  /** Files that the shop has besides. */
  files?: number;
  /** Whether the shop is released. Default: it is. */
  deploys?: boolean;
  /** The shop's port on the host. */
  port?: number;
  /** Stages at once. */
  stages?: number;
};

/** Starts it. Without options it has nothing to do; else its model is recorded and it has repository `shop` at step 6. */
export async function startUp(options: Options | null): Promise<Running> {
  const place = mkdtempSync(join(tmpdir(), 'millwright-bench-'));
  chmodSync(place, 0o711); // Postgres's own user passes through
  const data = join(place, 'data');
  const scripts = join(place, 'scripts');
  if (options !== null) writeConversations(scripts, options.conversations);
  const args = [
    'up',
    '--json',
    '--port',
    '0',
    '--data',
    data,
    ...(options === null || options.model !== undefined ? [] : ['--recorded', scripts]),
  ];
  const env = {
    ...COMPILED,
    ...ENV,
    ...(options === null ? { ANTHROPIC_API_KEY: 'none' } : {}),
    ...(options?.model === undefined ? {} : modelAt(options.model)),
    ...(options?.stages === undefined ? {} : { MILLWRIGHT_RUNNER_CONCURRENCY: String(options.stages) }),
  };
  const child = spawn(process.execPath, [join(ROOT, 'apps/cli/src/main.ts'), ...args], {
    ...{ env, cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] },
  });
  let [out, complaint] = ['', ''];
  child.stdout?.on('data', (part) => {
    out += part;
  });
  child.stderr?.on('data', (part) => {
    complaint += part;
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  let factory: string | null = null;
  const stop = async () => {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 40_000);
    await ended;
    clearTimeout(late);
    if (factory !== null) await sweep(factory);
    rmSync(place, { recursive: true, force: true });
  };
  try {
    for (let waited = 0; !out.includes('\n'); waited += 20) {
      if (child.exitCode !== null || waited > READY_MS) throw new Error(`no factory:\n${complaint}`);
      await sleep(20);
    }
    const first = JSON.parse(out.slice(0, out.indexOf('\n'))) as { url: string; factory: string };
    factory = first.factory;
    const token = readFileSync(join(data, 'token'), 'utf8').trim();
    const running: Running = {
      ...{ pid: child.pid ?? 0, data, factory, stop },
      api: async (method, path, body, as = token) => {
        const response = await fetch(first.url + BASE + path, {
          method,
          headers: { authorization: `Bearer ${as}`, 'content-type': 'application/json' },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          signal: AbortSignal.timeout(30_000),
        });
        const text = await response.text();
        if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
        return JSON.parse(text);
      },
      log: (name) => readFileSync(join(data, 'logs', `${name}.log`), 'utf8'),
      model: () => {
        const log = readFileSync(join(data, 'logs', 'recorded.log'), 'utf8');
        const address = /listening on (http:\S+)/.exec(log)?.[1];
        if (address === undefined) throw new Error(`the recorded model did not say where it is: ${log}`);
        return address;
      },
      database: () => {
        const noted = <T>(name: string) => JSON.parse(readFileSync(join(data, name), 'utf8')) as T;
        const { folder } = noted<{ folder: string }>('database.json');
        const { passwords } = noted<{ passwords: { orchestrator: string } }>('identity.json');
        const [, , , port, socket] = readFileSync(join(folder, 'data/postmaster.pid'), 'utf8').split('\n');
        const host = socket ? encodeURIComponent(socket) : '127.0.0.1';
        return `postgres://orchestrator:${passwords.orchestrator}@${host}:${port}/millwright`;
      },
    };
    if (options !== null) {
      const url = await shop(place, options.port ?? (await freePort()), options);
      await running.api('POST', '/repos', { url, name: 'shop' });
      await running.api('POST', '/repos/shop/autonomy', { step: 6, reason: 'the bench' });
    }
    return running;
  } catch (error) {
    await stop();
    throw error;
  }
}
