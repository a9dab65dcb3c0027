import type { ContainerCreateOptions, MountSettings } from 'dockerode';
import type { Limits } from './limits.ts';

/** uid and gid of whatever runs inside: `agent` in the factory's image, a bare number in any other. */
export const AGENT = 10_001;

const MIB = 1_048_576;

export type Mount =
  | { kind: 'bind'; source: string; target: string; readOnly: boolean }
  /** An overlay that the engine mounts when the container starts and unmounts when it ends. */
  | {
      kind: 'overlay';
      volume: string;
      target: string;
      options: string;
      readOnly: boolean;
      labels: Record<string, string>;
    };

export type Box = {
  image: string;
  command: readonly string[];
  workdir: string;
  env: Readonly<Record<string, string>>;
  labels: Record<string, string>;
  limits: Limits;
  mounts: readonly Mount[];
  /**
   * `none`: a network namespace of its own, with nothing up in it. `raised`: the same, with loopback, which we bring up once it runs: for
   * a first process that waits to be told what to do. `engine`: loopback is the engine's work, and up before the first process; that
   * costs as much as the rest of a start (150 of 315 ms on a busy machine: it starts itself again to enter the namespace). `of`: the
   * namespace of another sandbox of the same attempt.
   */
  network: 'none' | 'raised' | 'engine' | { of: string };
  /** Whether the container's standard input is the caller's; it then ends with the caller's connection. */
  stdin: boolean;
};

function mountSettings(mount: Mount): MountSettings {
  if (mount.kind === 'bind')
    return {
      Type: 'bind',
      Source: mount.source,
      Target: mount.target,
      ReadOnly: mount.readOnly,
      BindOptions: { Propagation: 'rprivate' },
    };
  return {
    Type: 'volume',
    Source: mount.volume,
    Target: mount.target,
    ReadOnly: mount.readOnly,
    VolumeOptions: {
      NoCopy: true,
      Labels: mount.labels,
      DriverConfig: { Name: 'local', Options: { type: 'overlay', device: 'overlay', o: mount.options } },
    },
  };
}

/**
 * The one place that says how a container is confined; every container of the factory's runner is made from it.
 * No network, read-only root, no capability, no new privileges, the engine's default seccomp profile, uid 10001, limits on memory
 * (swap included), CPU, processes, /tmp and open files, no core dumps, nothing logged by the engine to disk. Volumes that the image
 * declares (`imageVolumes`) become small tmpfs.
 */
export function containerOptions(box: Box, imageVolumes: readonly string[] = []): ContainerCreateOptions {
  const { limits } = box;
  const joined = typeof box.network === 'object' ? box.network.of : null;
  const taken = new Set(['/tmp', ...box.mounts.map(({ target }) => target)]);
  return {
    Image: box.image,
    Entrypoint: [...box.command],
    Cmd: [],
    WorkingDir: box.workdir,
    User: `${AGENT}:${AGENT}`,
    // Who joins a network has its name.
    ...(joined === null ? { Hostname: 'sandbox' } : {}),
    Env: Object.entries(box.env).map(([name, value]) => `${name}=${value}`),
    Labels: box.labels,
    AttachStdin: box.stdin,
    OpenStdin: box.stdin,
    StdinOnce: box.stdin,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    NetworkDisabled: box.network === 'none' || box.network === 'raised',
    HostConfig: {
      NetworkMode: joined === null ? 'none' : `container:${joined}`,
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges:true'],
      Privileged: false,
      Memory: limits.memoryMb * MIB,
      MemorySwap: limits.memoryMb * MIB,
      NanoCpus: Math.round(limits.cpus * 1e9),
      PidsLimit: limits.pids,
      IpcMode: 'private',
      ShmSize: 16 * MIB,
      OomScoreAdj: 500,
      Ulimits: [
        { Name: 'core', Soft: 0, Hard: 0 },
        { Name: 'nofile', Soft: 8_192, Hard: 8_192 },
      ],
      Tmpfs: {
        '/tmp': `rw,exec,nosuid,nodev,size=${limits.tmpMb}m,nr_inodes=100000,mode=1777`,
        ...Object.fromEntries(
          imageVolumes
            .filter((path) => !taken.has(path))
            .map((path) => [path, 'rw,nosuid,nodev,size=16m,mode=1777']),
        ),
      },
      Mounts: box.mounts.map(mountSettings),
      LogConfig: { Type: 'none', Config: {} },
      RestartPolicy: { Name: 'no' },
    },
  };
}

/**
 * What every container sees, whatever the image says: a home it can write to, a terminal that shows nothing, looking at git changes nothing.
 * Neither CI nor NO_COLOR: tests behave by them, and one environment serves who writes the code and who judges it, close to a developer's own.
 */
const EVERYWHERE = {
  HOME: '/tmp',
  TERM: 'dumb',
  GIT_TERMINAL_PROMPT: '0',
  GIT_OPTIONAL_LOCKS: '0',
} as const;

/**
 * The environment of a container, before what its owner adds. The factory's own image has LANG=C.UTF-8, which differs from C in what a
 * character is and in nothing else: said of that category alone, each program that starts opens one file of the locale's and not twelve
 * (0.2 of the 2.1 ms of a call).
 */
export const baseEnv = (engine: { image: string }, image: string): Readonly<Record<string, string>> =>
  image === engine.image ? { ...EVERYWHERE, LANG: '', LC_CTYPE: 'C.UTF-8' } : EVERYWHERE;
