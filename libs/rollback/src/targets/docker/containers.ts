import { createHash } from 'node:crypto';
import { ReleaseId } from '@millwright/domain';
import type Docker from 'dockerode';
import { messageOf } from '../../message-of.ts';
import { type Done, done, type Failure, failure } from '../../outcome.ts';
import type { ReleaseRef, RunConfig } from '../target.ts';
import { imageOf } from './image.ts';
import { type Names, statusOf, tolerate } from './place.ts';
import { exportSecrets, secretBinds, writeSecrets } from './secret-files.ts';

// The release's own containers: the same hardening as a sandbox, plus a network, its own environment and volumes. What runs in
// them is what agents wrote.

export type Found = {
  readonly id: string;
  readonly name: string;
  readonly release: ReleaseId;
  readonly layer: string;
  /** The id of the image that it runs. */
  readonly image: string;
  readonly replica: number;
  readonly port: number;
  readonly health: string;
  readonly running: boolean;
  /** Of its last start, ms since 1970. */
  readonly startedAt: number;
  readonly restarts: number;
  readonly exitCode: number | null;
  readonly address: string | null;
};

const STOP_SECONDS = 5;

/** Environment of the release: the file's, and PORT. Its user has no entry in any image, and so no home of its own. */
function environment({ config }: RunConfig): string[] {
  return Object.entries({ HOME: '/tmp', PORT: String(config.port), ...config.env }).map(
    ([name, value]) => `${name}=${value}`,
  );
}

/** The secrets that the file names, with their values. */
const secretsOf = ({ config, secrets }: RunConfig): Record<string, string> =>
  Object.fromEntries(config.secrets.map((name) => [name, secrets[name] ?? '']));

/** Changes when the container must be made anew. Secrets' values are not in it: labels are read by everybody on the engine. */
const specOf = (release: ReleaseRef, run: RunConfig, image: string, user: number) =>
  createHash('sha256')
    .update(
      JSON.stringify([
        release.id,
        image,
        user,
        run.config.secrets,
        run.config.start,
        run.config.port,
        run.config.env,
        run.config.secrets,
        run.config.volumes,
      ]),
    )
    .digest('hex')
    .slice(0, 16);

/** One plain command is `exec`ed, so that a stop reaches the service itself; anything with shell in it stays as it is. */
const commandOf = (start: string) => (/^(?!cd )[\w@%+=:,./ -]+$/.test(start) ? `exec ${start}` : start);

function options(
  names: Names,
  release: ReleaseRef,
  run: RunConfig,
  replica: number,
  image: string,
): Docker.ContainerCreateOptions {
  const user = names.user('release');
  const { start, secrets, volumes } = run.config;
  return {
    name: names.replica(release.id, replica),
    Image: image,
    Entrypoint: [],
    Cmd: ['sh', '-c', `${exportSecrets(secrets)}${commandOf(start ?? 'false')}`],
    WorkingDir: '/app',
    User: `${user}:${user}`,
    Env: environment(run),
    Hostname: names
      .replica(release.id, replica)
      .slice(-63)
      .replace(/^[-.]+/, ''),
    Labels: {
      ...names.labels('release'),
      'millwright.release': release.id,
      'millwright.layer': release.layer,
      'millwright.replica': String(replica),
      'millwright.port': String(run.config.port),
      'millwright.health': run.config.health,
      'millwright.spec': specOf(release, run, image, user),
    },
    HostConfig: {
      Init: true,
      NetworkMode: names.network,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      ReadonlyRootfs: true,
      Tmpfs: { '/tmp': 'rw,nosuid,nodev,size=67108864,mode=1777' },
      PidsLimit: 512,
      Memory: 512 << 20,
      MemorySwap: 512 << 20,
      NanoCpus: 1_000_000_000,
      Binds: [
        ...Object.entries(volumes).map(([name, path]) => `${names.volume(name)}:${path}`),
        ...secretBinds(names, release.id, secrets),
      ],
      RestartPolicy: { Name: 'unless-stopped' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '4m', 'max-file': '2' } },
    },
  };
}

/** Idempotent: what runs as asked is left alone, what is stopped is started, what differs is made anew. */
export async function startReplicas(
  engine: Docker,
  names: Names,
  release: ReleaseRef,
  run: RunConfig,
): Promise<Done | Failure> {
  const image = await imageOf(engine, names, release);
  if (image === null)
    return failure('image_missing', `the engine has no image of ${release.id} any more; deploy it again`);
  await ensureNetwork(engine, names);
  await writeSecrets(names, release.id, secretsOf(run), names.user('release'));
  let volumes = false;
  for (let replica = 1; replica <= run.replicas; replica += 1) {
    const wanted = options(names, release, run, replica, image);
    const container = engine.getContainer(names.replica(release.id, replica));
    try {
      const found = await container.inspect();
      // Labels are anybody's word: the image is looked at itself.
      const same =
        found.Image === image &&
        found.Config.Labels['millwright.spec'] === wanted.Labels?.['millwright.spec'];
      if (found.State.Running && same) continue;
      if (!same) await tolerate(container.remove({ force: true, v: true }), 404);
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
    }
    try {
      if (!volumes) await ensureVolumes(engine, names, image, run);
      volumes = true;
      await tolerate(engine.createContainer(wanted), 409);
      await tolerate(container.start(), 304);
    } catch (error) {
      if (statusOf(error) === null) throw error;
      return failure('start_failed', `the engine would not start ${release.id}: ${messageOf(error)}`);
    }
  }
  return done;
}

async function ensureNetwork(engine: Docker, names: Names): Promise<void> {
  try {
    await engine.getNetwork(names.network).inspect();
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
    const made = {
      Name: names.network,
      Driver: 'bridge',
      CheckDuplicate: true,
      Labels: names.labels('network'),
    };
    await tolerate(engine.createNetwork(made), 409);
  }
}

/** A fresh volume belongs to root, and the release runs as its target's own user: each is given to it by a container that does nothing else. */
async function ensureVolumes(engine: Docker, names: Names, image: string, run: RunConfig): Promise<void> {
  const user = names.user('release');
  for (const volume of Object.keys(run.config.volumes)) {
    const name = names.volume(volume);
    await engine.createVolume({ Name: name, Labels: names.labels('volume') });
    const giver = await engine.createContainer({
      Image: image,
      Entrypoint: [],
      Cmd: ['chown', `${user}:${user}`, '/volume'],
      User: '0',
      NetworkDisabled: true,
      Labels: names.labels('volume-owner'),
      HostConfig: { CapDrop: ['ALL'], CapAdd: ['CHOWN'], ReadonlyRootfs: true, Binds: [`${name}:/volume`] },
    });
    try {
      await giver.start();
      await giver.wait();
    } finally {
      await tolerate(giver.remove({ force: true }), 404);
    }
  }
}

/** This target's release containers as the engine has them now; of one release, where only that one is asked about. */
export async function findReplicas(engine: Docker, names: Names, release?: ReleaseId): Promise<Found[]> {
  const only = release === undefined ? [] : [`millwright.release=${release}`];
  const listed = await engine.listContainers({
    all: true,
    filters: names.filter('millwright.purpose=release', ...only),
  });
  const found = await Promise.all(listed.map((each) => inspect(engine, names, each.Id)));
  return found
    .filter((each) => each !== null)
    .sort((a, b) => a.release.localeCompare(b.release) || a.replica - b.replica);
}

async function inspect(engine: Docker, names: Names, id: string): Promise<Found | null> {
  try {
    const { Id, Name, Image, State, Config, RestartCount, NetworkSettings } = await engine
      .getContainer(id)
      .inspect();
    const labels = Config.Labels;
    const release = ReleaseId.safeParse(labels['millwright.release']);
    if (!release.success) return null;
    return {
      id: Id,
      name: Name.slice(1),
      release: release.data,
      layer: labels['millwright.layer'] ?? '',
      image: Image,
      replica: Number(labels['millwright.replica'] ?? 0),
      port: Number(labels['millwright.port'] ?? 0),
      health: labels['millwright.health'] ?? '/',
      running: State.Running && !State.Restarting,
      startedAt: Date.parse(State.StartedAt) || 0,
      restarts: RestartCount,
      exitCode: State.Running && !State.Restarting ? null : State.ExitCode,
      address: NetworkSettings.Networks[names.network]?.IPAddress || null,
    };
  } catch (error) {
    if (statusOf(error) === 404) return null;
    throw error;
  }
}

/** Stops and removes, bounded by `STOP_SECONDS`. Anonymous volumes go, named ones stay. */
export async function removeContainer(engine: Docker, id: string): Promise<void> {
  const container = engine.getContainer(id);
  await tolerate(container.stop({ t: STOP_SECONDS }), 304, 404);
  await tolerate(container.remove({ force: true, v: true }), 404, 409);
}

/** The end of what a container said, stdout and stderr in order; since an instant (ms) where one is given. */
export async function tail(engine: Docker, id: string, lines: number, since = 0): Promise<string> {
  try {
    const raw: unknown = await engine.getContainer(id).logs({
      stdout: true,
      stderr: true,
      tail: lines,
      since: since / 1_000,
    });
    return Buffer.isBuffer(raw) ? demultiplex(raw) : String(raw);
  } catch (error) {
    if (statusOf(error) === 404) return '';
    throw error;
  }
}

/** The engine frames output without a terminal: 1 byte stream, 3 zero, 4 length (big endian), then the bytes. */
function demultiplex(raw: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= raw.length; ) {
    const size = raw.readUInt32BE(at + 4);
    parts.push(raw.subarray(at + 8, at + 8 + size));
    at += 8 + size;
  }
  return Buffer.concat(parts).toString('utf8');
}
