import { createHash } from 'node:crypto';
import { chmod, chown, mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import type Docker from 'dockerode';
import { type Done, done, type Failure, failure } from '../../outcome.ts';
import { NO_RECORD, renderConfig } from '../../proxy/config.ts';
import { readRecord, writeRecord } from '../../proxy/record.ts';
import { ask } from '../../proxy/socket.ts';
import type { RunConfig } from '../target.ts';
import { isRoot } from '../users.ts';
import { tail } from './containers.ts';
import { has } from './image.ts';
import { type DockerPlace, type Names, statusOf, tolerate } from './place.ts';

// One HAProxy a target, in a container on the host's network: a service's address must not move when its releases do.

const START_MS = 10_000;

/** Another version of the factory wrote another configuration: its proxy is made anew, once. */
const TEMPLATE = createHash('sha256').update(renderConfig(NO_RECORD)).digest('hex').slice(0, 16);

/** Whose process it is: a user of its own, or the factory's where that is not root (its admin socket must be reachable then). */
function owner(names: Names): { uid: number; gid: number } {
  const own = names.user('proxy');
  if (isRoot()) return { uid: own, gid: own };
  const uid = process.getuid?.() ?? 0;
  return { uid, gid: process.getgid?.() ?? uid };
}

function options(place: DockerPlace, names: Names, address: string): Docker.ContainerCreateOptions {
  const { uid, gid } = owner(names);
  return {
    name: names.proxy,
    Image: place.proxyImage,
    Entrypoint: [],
    Cmd: ['haproxy', '-db', '-f', '/etc/millwright/haproxy.cfg'],
    User: `${uid}:${gid}`,
    Labels: { ...names.labels('proxy'), 'millwright.address': address, 'millwright.template': TEMPLATE },
    // HAProxy's soft stop: running requests end. The engine kills after its own limit.
    StopSignal: 'SIGUSR1',
    HostConfig: {
      NetworkMode: 'host',
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: true,
      PidsLimit: 64,
      Memory: 256 << 20,
      MemorySwap: 256 << 20,
      Ulimits: [{ Name: 'nofile', Soft: 16_384, Hard: 16_384 }],
      Binds: [`${names.conf}:/etc/millwright:ro`, `${names.run}:/run/millwright`],
      RestartPolicy: { Name: 'unless-stopped' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '4m', 'max-file': '2' } },
    },
  };
}

/** Idempotent. The caller holds the target's lock. A port in use is a `port_in_use`, and nothing is left running. */
export async function ensureProxy(
  engine: Docker,
  place: DockerPlace,
  names: Names,
  run: RunConfig,
): Promise<Done | Failure> {
  const expose = run.config.expose;
  if (expose === undefined)
    return failure('bad_config', 'millwright.yaml has no deploy.expose: where would users find it?');
  const bind = place.bindAddress ?? '127.0.0.1';
  const address = `${bind}:${expose}`;
  await mkdir(names.run, { recursive: true, mode: 0o700 });
  const { uid, gid } = owner(names);
  await chmod(names.run, 0o700);
  if (isRoot()) await chown(names.run, uid, gid);
  const container = engine.getContainer(names.proxy);
  const record = (await readRecord(names.config)) ?? NO_RECORD;
  try {
    const found = await container.inspect();
    const same = found.Config.Labels['millwright.address'] === address;
    const current =
      found.Config.Labels['millwright.template'] === TEMPLATE && found.Config.User === `${uid}:${gid}`;
    if (same && current && found.State.Running && (await answers(names.socket))) return done;
    if (same && !current) await tolerate(container.remove({ force: true }), 404);
    if (!same) {
      // Asked before the old proxy goes: a port that somebody else has must not cost the address that serves now.
      const refusal = await listenable(bind, expose);
      if (refusal !== null) return portInUse(address, refusal);
      await tolerate(container.remove({ force: true }), 404);
    }
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
  }
  await writeRecord(names.config, { ...record, bind, expose });
  if (!(await has(engine, place.proxyImage)))
    return failure(
      'image_missing',
      `the engine has no image ${place.proxyImage}, which holds HAProxy; run the set-up again`,
    );
  await tolerate(engine.createContainer(options(place, names, address)), 409);
  await tolerate(container.start(), 304);
  return awaitStart(engine, place, names, address);
}

async function awaitStart(
  engine: Docker,
  place: DockerPlace,
  names: Names,
  address: string,
): Promise<Done | Failure> {
  const start = place.clock.now();
  for (;;) {
    if (await answers(names.socket)) return done;
    // Only what it said since now: an earlier failure to bind, or a restart by somebody else meanwhile, is no reason to give up.
    const said = await tail(engine, names.proxy, 20, start);
    if (/cannot bind socket/i.test(said)) {
      await tolerate(engine.getContainer(names.proxy).remove({ force: true }), 404);
      return portInUse(address, said);
    }
    if (place.clock.now() - start > START_MS)
      return failure('proxy_down', `HAProxy does not start: ${said.slice(-1_500) || 'it says nothing'}`);
    await place.clock.sleep(20);
  }
}

const portInUse = (address: string, said: string) =>
  failure(
    'port_in_use',
    `${address} cannot be listened on (${/permission|EACCES/i.test(said) ? 'not permitted' : 'in use by another program'}); change deploy.expose in millwright.yaml or free the port`,
  );

/** Null when this machine lets us listen there, else why not. */
function listenable(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', (error) => resolve(error.message));
    server.listen(port, host, () => server.close(() => resolve(null)));
  });
}

async function answers(socket: string): Promise<boolean> {
  try {
    return (await ask(socket, ['show info'])).includes('HAProxy');
  } catch {
    // Not there, not yet or no more: that is the answer.
    return false;
  }
}

/** `down`: the container exists, and does not answer. */
export async function proxyState(engine: Docker, names: Names): Promise<'up' | 'down' | 'absent'> {
  if (await answers(names.socket)) return 'up';
  try {
    await engine.getContainer(names.proxy).inspect();
    return 'down';
  } catch (error) {
    if (statusOf(error) === 404) return 'absent';
    throw error;
  }
}
