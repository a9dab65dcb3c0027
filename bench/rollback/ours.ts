import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WritableTrail } from '@millwright/audit';
import { type Actor, DeployConfig, type Digest, RepoName, streamOf } from '@millwright/domain';
import {
  deploy,
  dockerTarget,
  type Journal,
  type ReleaseRef,
  type RunConfig,
  rollback,
} from '@millwright/rollback';
import { clock } from '../programs/clock.ts';
import { IMAGE } from './service.ts';

/** The docker target as the factory has it, on this machine's engine: HAProxy, and every effect on a real trail before it happens. */
export async function ours(trail: WritableTrail, name: string) {
  const dataDir = mkdtempSync(join(tmpdir(), 'millwright-bench-target-'));
  const port = await freePort();
  const layers = new Map<Digest, Uint8Array>();
  const repo = RepoName.parse(`bench-${name}`);
  const target = dockerTarget({
    factory: `bench-${process.pid}`,
    incarnation: `bench-${process.pid}`,
    ...{ repo, dataDir, proxyImage: IMAGE, dockerHost: process.env.DOCKER_HOST, clock },
    artifacts: {
      async get(digest) {
        const bytes = layers.get(digest);
        if (bytes === undefined) throw new Error(`no layer ${digest}`);
        return bytes;
      },
    },
  });
  const run = (canary: object): RunConfig => ({
    config: DeployConfig.parse({
      ...{ target: 'docker', start: 'node server.js', port: 8080, expose: port, health: '/healthz', canary },
    }),
    secrets: {},
    replicas: 1,
  });
  const journal = journalOn(trail, repo);
  let fence = 0;
  const next = () => {
    fence += 1;
    return { fence, journal, clock };
  };
  return {
    url: `http://127.0.0.1:${port}/`,
    layers,
    deploy: (release: ReleaseRef, live: ReleaseRef | null, canary: object) =>
      deploy(target, { release, live, run: run(canary), ...next() }),
    rollback: (to: ReleaseRef) => rollback(target, { to, run: run({}), ...next() }),
    async close() {
      await target.remove(true);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** As the orchestrator journals: an entry before each effect, and one after it. */
function journalOn(trail: WritableTrail, repo: RepoName): Journal {
  let version = 0;
  const append = async (entry: Parameters<WritableTrail['append']>[0]['entries'][number]) => {
    const appended = await trail.append({
      stream: streamOf.target(repo),
      expectedVersion: version,
      actor: 'orchestrator' as Actor,
      entries: [entry],
    });
    if (appended.kind !== 'appended') throw new Error(`the trail says ${appended.kind}`);
    version = appended.version;
  };
  return {
    started: ({ key, effect, release, fence }) =>
      append({ type: 'target.effect-started', data: { key, effect, release, fence } }),
    finished: ({ key, effect, release }, result, reason) =>
      append({ type: 'target.effect-finished', data: { key, effect, release, result, reason } }),
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
