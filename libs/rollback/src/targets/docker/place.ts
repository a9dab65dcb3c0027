import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Artifacts, Clock, RepoName } from '@millwright/domain';
import Docker from 'dockerode';
import { type Purpose, userOf } from '../users.ts';

/** Where a `docker` target lives. */
export type DockerPlace = {
  readonly factory: string;
  readonly incarnation: string;
  readonly repo: RepoName;
  /** The factory's data folder; the target's part is `targets/<repo>`. */
  readonly dataDir: string;
  /** An image with `haproxy` inside that the engine has. */
  readonly proxyImage: string;
  /** Where users reach the service. Default 127.0.0.1. */
  readonly bindAddress?: string;
  /** `unix:///…` or a path; the engine's default socket unless told. Must be an engine of this machine: the proxy's admin socket is a file. */
  readonly dockerHost?: string | undefined;
  readonly artifacts: Pick<Artifacts, 'get' | 'stream'>;
  readonly clock: Clock;
};

export const connectEngine = (dockerHost: string | undefined) =>
  new Docker({ socketPath: (dockerHost || '/var/run/docker.sock').replace(/^unix:\/\//, '') });

/** Names and labels; several factories and repositories share an engine without meeting. */
export function namesOf(place: DockerPlace) {
  const hash = createHash('sha256').update(`${place.factory}\n${place.repo}`).digest('hex').slice(0, 10);
  const stem = `mw-${place.repo}-${hash}`;
  const folder = join(place.dataDir, 'targets', place.repo);
  return {
    network: stem,
    proxy: `${stem}-proxy`,
    replica: (release: string, replica: number) => `${stem}-${release}-${replica}`,
    volume: (name: string) => `${stem}-${name}`,
    conf: join(folder, 'conf'),
    run: join(folder, 'run'),
    secrets: join(folder, 'secrets'),
    user: (purpose: Purpose) => userOf(place, purpose),
    folder,
    config: join(folder, 'conf', 'haproxy.cfg'),
    socket: join(folder, 'run', 'admin.sock'),
    rehearsal: join(folder, 'run', 'rehearsal.sock'),
    labels: (purpose: string) => ({
      millwright: '1',
      'millwright.factory': place.factory,
      'millwright.incarnation': place.incarnation,
      'millwright.repo': place.repo,
      'millwright.purpose': purpose,
    }),
    /** A filter for the engine's lists: this target's things. */
    filter: (...more: string[]) => ({
      label: [`millwright.factory=${place.factory}`, `millwright.repo=${place.repo}`, ...more],
    }),
  };
}
export type Names = ReturnType<typeof namesOf>;

/** The engine's HTTP status of an error, or null for an error that is not the engine's answer. */
export function statusOf(error: unknown): number | null {
  return typeof error === 'object' &&
    error !== null &&
    'statusCode' in error &&
    typeof error.statusCode === 'number'
    ? error.statusCode
    : null;
}

/** Awaits `work`, taking the given statuses (404 gone already, 304 or 409 so already) as done. */
export async function tolerate(work: Promise<unknown>, ...statuses: number[]): Promise<void> {
  try {
    await work;
  } catch (error) {
    const status = statusOf(error);
    if (status === null || !statuses.includes(status)) throw error;
  }
}
