import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, DeployConfig, type Digest, ReleaseId, RepoName } from '@millwright/domain';
import type { EffectRecord, Journal } from '../deploy/effect.ts';
import { dockerTarget } from '../targets/docker/target.ts';
import type { ReleaseRef, RunConfig, Target } from '../targets/target.ts';
import { type Behaviour, layerOf } from './service.ts';

export const IMAGE = process.env.MILLWRIGHT_SANDBOX_IMAGE || 'millwright/sandbox:latest';

export const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal ? { signal } : {}),
};

/** A real target, in a factory and a data folder of its own; `close` leaves nothing. */
export type Stand = {
  readonly factory: string;
  readonly dataDir: string;
  readonly target: Target;
  readonly port: number;
  readonly layers: Map<Digest, Uint8Array>;
  /** Whether it can share traffic: then the first step of a canary is 20 %. */
  readonly weighted: boolean;
  open(): Target;
  release(name: string, behaviour: Behaviour): Promise<ReleaseRef>;
  run(more?: Record<string, unknown>, secrets?: Record<string, string>): RunConfig;
  close(): Promise<void>;
};

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

type Held = Pick<Stand, 'factory' | 'dataDir' | 'port' | 'layers' | 'target'>;
/** What stands have in common. */
export const standOf = (held: Held): Held & Pick<Stand, 'release'> => ({
  ...held,
  async release(name, behaviour) {
    const { bytes, digest } = await layerOf(behaviour);
    held.layers.set(digest, bytes);
    return { id: ReleaseId.parse(`rel_${name.padEnd(8, '0')}`), layer: digest, image: IMAGE };
  },
});

/** On the real engine, through HAProxy. */
export async function stand(): Promise<Stand> {
  const factory = `test-${randomBytes(4).toString('hex')}`;
  const dataDir = await mkdtemp(join(tmpdir(), 'mw-rollback-'));
  const port = await freePort();
  const layers = new Map<Digest, Uint8Array>();
  const open = () => openTarget({ factory, dataDir, layers });
  const target = open();
  return {
    ...standOf({ factory, dataDir, port, layers, target }),
    weighted: true,
    open,
    run: (more = {}, secrets = {}) => runAs(port, more, secrets),
    async close() {
      await target.remove(true);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export function openTarget(at: {
  factory: string;
  dataDir: string;
  layers: ReadonlyMap<Digest, Uint8Array>;
}): Target {
  return dockerTarget({
    factory: at.factory,
    incarnation: `test-${process.pid}`,
    repo: RepoName.parse('shop'),
    dataDir: at.dataDir,
    proxyImage: IMAGE,
    dockerHost: process.env.DOCKER_HOST,
    artifacts: {
      async get(digest) {
        const bytes = at.layers.get(digest);
        if (bytes === undefined) throw new Error(`no artifact ${digest}`);
        return bytes;
      },
    },
    clock,
  });
}

export const runAs = (
  port: number,
  more: Record<string, unknown> = {},
  secrets: Record<string, string> = {},
): RunConfig => ({
  config: DeployConfig.parse({
    target: 'docker',
    start: 'node server.js',
    port: 8080,
    expose: port,
    health: '/healthz',
    canary: { steps: [20, 100], bake: 400, minRequests: 0 },
    ...more,
  }),
  secrets,
  replicas: 1,
});

/** A journal in memory: `lines` reads like the trail would. */
export function memoryJournal(): Journal & { lines: string[]; records: EffectRecord[] } {
  const lines: string[] = [];
  const records: EffectRecord[] = [];
  return {
    lines,
    records,
    async started(record) {
      records.push(record);
      lines.push(`> ${record.effect}`);
    },
    async finished(record, result) {
      lines.push(`< ${record.effect} ${result}`);
    },
  };
}
