import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { canRaiseLoopback, stalledHere } from './host.ts';

/** What a person reading the log should know of; nothing here is needed for correctness. */
export type SandboxEvent =
  | { kind: 'egress_refused'; attempt: string; host: string; reason: string }
  | { kind: 'killed'; attempt: string; container: string; reason: string }
  | { kind: 'evicted'; what: 'checkout' | 'layer' | 'source'; key: string }
  | { kind: 'source_doubted'; key: string; reason: string }
  | { kind: 'cleanup_failed'; what: string; reason: string };

export type SandboxesSettings = {
  /** Default: the engine at DOCKER_HOST or the local socket. It must be on this machine: workspaces are mounted here. */
  docker?: Docker;
  /** The data folder; everything of this library lies under `<data>/runner/`. */
  data: string;
  factory: string;
  /** This process: `[0-9a-z-]+`, never used twice. */
  incarnation: string;
  /** Name or id of the factory's sandbox image. */
  image: string;
  note?: (event: SandboxEvent) => void;
  /**
   * Whether what is over waits until its container and volumes are gone (80–150 ms of the engine's), or goes on while they are removed
   * behind it; `close` waits for them in any case, and a failure is noted and left to the next reaping. Default: it waits.
   */
  cleanUp?: 'awaited' | 'behind';
  /**
   * A tree is unpacked as what differs from one that is there, where the index of that one has this many bytes. Smaller ones are unpacked
   * whole, which is as quick. Default: 256 KiB, some 2,500 files.
   */
  overFrom?: number;
  /** How long this machine has kept anybody waiting for a processor, in ms; null where it does not say. Default: its kernel's own word. */
  stalledMs?: () => number | null;
};

/** What the parts of the sandbox share. */
export type Engine = {
  docker: Docker;
  factory: string;
  incarnation: string;
  /** Image id of the factory's own image. */
  image: string;
  folders: {
    root: string;
    mounts: string;
    checkouts: string;
    /** Objects of sources, by the first bundle of each. */
    sources: string;
    layers: string;
    shells: string;
    scratch: string;
  };
  /** What a sandbox's /etc/hosts and /etc/resolv.conf are: `localhost` has an address, nothing else a name. */
  names: { hosts: string; resolver: string };
  /** How a sandbox gets its loopback: see `Box` in hardening.ts. */
  loopback: 'raised' | 'engine';
  note: (event: SandboxEvent) => void;
  labels(of: { run: string; attempt: string; purpose: string }): Record<string, string>;
  /** Paths that an image declares as volumes: without a mount of ours there, the engine would make unbounded ones. */
  volumesOf(image: string): Promise<readonly string[]>;
  /** Waits for a removal, or lets it go on behind the caller: see `SandboxesSettings.cleanUp`. */
  cleanUp(what: string, removal: Promise<void>): Promise<void>;
  /** What is mounted for the host itself to read, by name (view.ts), with the inode of its topmost folder. */
  views: Map<string, { ino: number; path: Promise<string> }>;
  /** The size of a checkout's index from which another tree is unpacked over it: see `SandboxesSettings.overFrom`. */
  overFrom: number;
  stalledMs: () => number | null;
  /** Resolves when nothing is being removed behind anybody. */
  cleanedUp(): Promise<void>;
  /** A name for a container, volume or folder: unique on this machine, and told to be ours by its prefix. */
  name(): string;
};

/** An engine's "no such …": what was to be removed is gone already. */
export const isAbsent = (error: unknown): boolean => statusOf(error) === 404;
/** "Conflict", "not modified": the container is in the state that was asked for, or on its way there. */
export const isSettled = (error: unknown): boolean => [304, 404, 409].includes(statusOf(error) ?? 0);

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}

/**
 * Reaches the engine, finds the image, makes the folders. Throws an error that says what to do when the engine does not answer within
 * 5 s, has no such image, or the data folder's path cannot stand in mount options.
 */
export async function connectEngine(settings: SandboxesSettings): Promise<Engine> {
  const root = join(settings.data, 'runner');
  if (!/^\/[A-Za-z0-9._/ @+-]*$/.test(root))
    throw new Error(
      `the data folder must be an absolute path of letters, digits and ._/ @+- since it stands in mount options: ${root}`,
    );
  if (!/^[0-9a-z-]+$/.test(settings.incarnation))
    throw new Error(`not an incarnation: ${settings.incarnation}`);
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new Error(
      'sandboxes need Linux and root, since a workspace is an overlay mount; run the runner there as root',
    );
  const docker = settings.docker ?? new Docker();
  const answer = await Promise.race([
    docker.ping().catch((error: unknown) => error),
    sleep(5_000, null, { ref: false }),
  ]);
  if (answer === null || answer instanceof Error)
    throw new Error('the Docker Engine does not answer; `npm run setup` installs and starts one', {
      cause: answer,
    });
  const image = await docker
    .getImage(settings.image)
    .inspect()
    .catch((cause: unknown) => {
      throw new Error(`the engine has no image ${settings.image}; \`npm run setup\` builds it`, { cause });
    });
  const folders = {
    root,
    mounts: join(root, 'mounts', settings.incarnation),
    checkouts: join(root, 'checkouts'),
    sources: join(root, 'sources'),
    layers: join(root, 'layers'),
    shells: join(root, 'shells'),
    scratch: join(root, 'scratch', settings.incarnation),
  };
  await mkdir(root, { recursive: true, mode: 0o700 });
  for (const folder of Object.values(folders)) await mkdir(folder, { recursive: true });
  const names = { hosts: join(root, 'hosts'), resolver: join(root, 'resolv.conf') };
  await writeFile(names.hosts, '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n');
  await writeFile(names.resolver, '');
  let made = 0;
  const volumes = new Map<string, Promise<readonly string[]>>();
  const note = settings.note ?? (() => {});
  const removals = new Set<Promise<void>>();
  return {
    docker,
    factory: settings.factory,
    incarnation: settings.incarnation,
    image: image.Id,
    folders,
    names,
    loopback: (await canRaiseLoopback()) ? 'raised' : 'engine',
    note,
    views: new Map(),
    overFrom: settings.overFrom ?? 262_144,
    stalledMs: settings.stalledMs ?? stalledHere,
    cleanUp: (what, removal) => {
      if (settings.cleanUp !== 'behind') return removal;
      const behind = removal
        .catch((error: unknown) => note({ kind: 'cleanup_failed', what, reason: String(error) }))
        .finally(() => removals.delete(behind));
      removals.add(behind);
      return Promise.resolve();
    },
    cleanedUp: async () => void (await Promise.all(removals)),
    labels: ({ run, attempt, purpose }) => ({
      millwright: '1',
      'millwright.factory': settings.factory,
      'millwright.incarnation': settings.incarnation,
      'millwright.run': run,
      'millwright.attempt': attempt,
      'millwright.purpose': purpose,
      'millwright.room': 'runner',
    }),
    volumesOf: (id) => {
      const known = volumes.get(id) ?? docker.getImage(id).inspect().then(declaredVolumes);
      volumes.set(id, known);
      known.catch(() => volumes.delete(id));
      return known;
    },
    name: () => {
      made += 1;
      return `millwright-${settings.incarnation}-${made}`;
    },
  };
}

const declaredVolumes = ({ Config }: Docker.ImageInspectInfo): readonly string[] =>
  Object.keys(Config.Volumes ?? {});
