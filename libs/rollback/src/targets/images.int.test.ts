import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { rollback } from '../deploy/rollback.ts';
import type { HealMemory } from '../reconcile/policy.ts';
import { reconcile } from '../reconcile/reconcile.ts';
import { clock, IMAGE, memoryJournal, type Stand, stand } from '../testing/stand.ts';
import { type Within, withStand } from '../testing/within.ts';

const NO_HEALS: HealMemory = { tried: [] };
const within = (body: (within: Within) => Promise<void>) => withStand(stand, body);
const docker = async (...args: string[]) => (await promisify(execFile)('docker', args)).stdout.trim();
const imagesOf = async (at: Stand, ...more: string[]) =>
  (await docker('images', '-q', '--no-trunc', '--filter', `label=millwright.factory=${at.factory}`, ...more))
    .split('\n')
    .filter((line) => line !== '');

test.concurrent(
  'what was tested is what runs: a tag moved by hand is not believed, and a container of another image is replaced',
  { timeout: 120_000 },
  within(async ({ at, v1, forward, answer }) => {
    const [v2, evil] = [
      await at.release('v2', { version: 'two' }),
      await at.release('v9', { version: 'evil' }),
    ];
    await forward(v1, null, 1);
    for (const release of [evil, v2]) expect(await at.target.materialise(release)).toEqual({ kind: 'done' });
    const idOf = async (release: string) =>
      (await imagesOf(at, '--filter', `label=millwright.release=${release}`))[0] ?? '';
    const tag = await docker('inspect', '-f', '{{index .RepoTags 0}}', await idOf(v2.id));
    await docker('tag', await idOf(evil.id), tag);
    expect(await forward(v2, v1, 2)).toMatchObject({ kind: 'promoted' });
    expect(await answer()).toBe('two');

    // The same name and the same labels, but other bytes.
    const swap = async (release: string) => {
      const state = await at.target.state();
      const [old] = state.releases.find((each) => each.id === release)?.replicas ?? [];
      const labels: Record<string, string> = JSON.parse(
        await docker('inspect', '-f', '{{json .Config.Labels}}', old?.container ?? ''),
      );
      const network = await docker('inspect', '-f', '{{.HostConfig.NetworkMode}}', old?.container ?? '');
      await docker('rm', '-f', old?.container ?? '');
      const given = Object.entries(labels).flatMap(([name, value]) => ['--label', `${name}=${value}`]);
      await docker(
        ...['run', '-d', '--name', old?.name ?? '', '--network', network, '-e', 'PORT=8080', '-w', '/app'],
        ...[...given, await idOf(evil.id), 'node', 'server.js'],
      );
      await at.target.ensureProxy(at.run());
    };
    await swap(v2.id);
    await vi.waitFor(async () => expect(await answer()).toBe('evil'), 60_000);
    expect(
      await reconcile(at.target, { release: v2, run: at.run(), fence: 2 }, NO_HEALS, { clock }),
    ).toMatchObject({ kind: 'healed', what: expect.stringContaining('1 from an image that is not its own') });
    expect(await answer()).toBe('two');

    await swap(v1.id);
    const back = { to: v1, run: at.run(), fence: 3, journal: memoryJournal(), clock };
    expect(await rollback(at.target, back)).toMatchObject({ kind: 'switched', warm: false });
    expect(await answer()).toBe('one');
  }),
);

test.concurrent(
  'images are kept by number and by age, never the one that serves; one that went is made again of its bytes, or said to be gone',
  { timeout: 120_000 },
  within(async ({ at, v1, forward, answer }) => {
    await forward(v1, null, 1);
    const older = [];
    const base = `millwright-test/base:${at.factory}`;
    await docker('tag', IMAGE, base);
    for (const name of ['v2', 'v3', 'v4']) {
      const release = { ...(await at.release(name, { version: name })), image: base };
      // The engine dates images by the second.
      await sleep(1_100);
      expect(await at.target.materialise(release)).toEqual({ kind: 'done' });
      older.push(release);
    }
    const ids = async () =>
      Promise.all(
        (await imagesOf(at)).map((id) =>
          docker('inspect', '-f', '{{index .Config.Labels "millwright.release"}}', id),
        ),
      );
    await at.target.retire([v1.id], { images: 2, forMs: 7 * 24 * 3_600_000 }, 1);
    expect(await ids()).toHaveLength(4);
    await at.target.retire([v1.id], { images: 2, forMs: 0 }, 1);
    // v1 is the oldest, and serves.
    expect((await ids()).sort()).toEqual([v1.id, older[1]?.id, older[2]?.id]);
    const [gone] = older;
    if (gone === undefined) throw new Error('there is none');
    expect(await at.target.available(gone)).toEqual({ kind: 'done' });
    await docker('rmi', base);
    expect(await at.target.available(gone)).toEqual({
      kind: 'failed',
      code: 'image_missing',
      reason: `the engine has no image ${base}, on which release ${gone.id} stands`,
    });
    await docker('tag', IMAGE, base);
    const back = { to: gone, run: at.run(), fence: 2, journal: memoryJournal(), clock };
    expect(await rollback(at.target, back)).toMatchObject({ kind: 'switched', warm: false });
    expect(await answer()).toBe('v2');
    await docker('rmi', base);
  }),
);
