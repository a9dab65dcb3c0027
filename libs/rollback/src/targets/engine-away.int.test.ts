import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RepoName } from '@millwright/domain';
import { expect, test } from 'vitest';
import { deploy } from '../deploy/deploy.ts';
import type { DeployOrder } from '../deploy/order.ts';
import { load } from '../testing/load.ts';
import { clock, IMAGE, memoryJournal, stand } from '../testing/stand.ts';
import { withStand } from '../testing/within.ts';
import { dockerTarget } from './docker/target.ts';

/** A way to the engine that can be cut: what a restart of it looks like from here, without touching anybody else's containers. */
async function wayToEngine() {
  const folder = await mkdtemp(join(tmpdir(), 'mw-engine-'));
  const path = join(folder, 'docker.sock');
  const engine = (process.env.DOCKER_HOST || '/var/run/docker.sock').replace(/^unix:\/\//, '');
  const open = new Set<Socket>();
  let cut = false;
  const server = createServer((client) => {
    if (cut) return client.destroy();
    const up = connect(engine);
    for (const end of [client, up]) {
      open.add(end);
      end.on('error', () => undefined).on('close', () => open.delete(end));
    }
    client.pipe(up).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    path,
    cut: (away: boolean) => {
      cut = away;
      if (away) for (const end of open) end.destroy();
    },
    close: async () => {
      for (const end of open) end.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

test(
  'an engine that goes in the middle of a shift: the old release serves, nobody notices, and the same deploy goes on when it is back',
  {
    timeout: 120_000,
  },
  () =>
    withStand(stand, async ({ at, v1, forward }) => {
      const way = await wayToEngine();
      try {
        const v2 = await at.release('v2', { version: 'two' });
        await forward(v1, null, 1);
        const target = dockerTarget({
          ...{ factory: at.factory, incarnation: 'away', repo: RepoName.parse('shop') },
          ...{ dataDir: at.dataDir, proxyImage: IMAGE, dockerHost: way.path, clock },
          artifacts: { get: async (digest) => at.layers.get(digest) ?? new Uint8Array() },
        });
        const journal = memoryJournal();
        const order = (cutAt: string): DeployOrder => ({
          ...{ release: v2, live: v1, run: at.run(), fence: 2, clock },
          journal: {
            ...journal,
            finished: async (record, ...rest) => {
              await journal.finished(record, ...rest);
              if (record.effect === cutAt) way.cut(true);
            },
          },
        });
        const users = load(at.port, 4);
        // Its start is done and nothing else; a fifth of the traffic is on it; all of it is.
        for (const cutAt of ['start', 'shift/20', 'shift/100']) {
          await expect(deploy(target, order(cutAt)), cutAt).rejects.toThrow();
          expect([...(await at.target.state()).serving], cutAt).toEqual([[v1.id, 100]]);
          way.cut(false);
        }
        expect(await deploy(target, order('never'))).toMatchObject({ kind: 'promoted', release: v2.id });
        expect(await users.stop()).toMatchObject({ failed: 0 });
      } finally {
        await way.close();
      }
    })(),
);
