import { RepoName } from '@millwright/domain';
import { deploy, dockerTarget, type ReleaseRef } from '@millwright/rollback';
import { clock, IMAGE, memoryJournal, stand } from '@millwright/rollback/testing';
import { expect, test } from 'vitest';
import { rollBackOffline } from './offline.ts';
import { journalIn, OfflineJournal } from './offline-journal.ts';
import { writeRollbackCache } from './rollback-cache.ts';

test('on an engine: what is warm needs nothing, what is cold needs its image and its secrets by name', {
  timeout: 120_000,
}, async () => {
  const at = await stand();
  const shop = RepoName.parse('shop');
  try {
    const run = at.run({ secrets: ['SECRET'] }, { SECRET: 'planted' });
    const releases: ReleaseRef[] = [];
    for (const name of ['v1', 'v2', 'v3']) {
      const release = await at.release(name, { version: name });
      const [live = null] = releases;
      const order = { release, live, run, fence: releases.length + 1, journal: memoryJournal(), clock };
      expect(await deploy(at.target, order)).toMatchObject({ kind: 'promoted' });
      releases.unshift(release);
    }
    const onTheWay = releases.map((ref) => ({ ref, artifact: ref.layer, config: run.config }));
    await writeRollbackCache(at.dataDir, { repo: shop, releases: onTheWay });
    const target = dockerTarget({
      ...{ factory: at.factory, incarnation: 'offline', repo: shop, dataDir: at.dataDir, proxyImage: IMAGE },
      dockerHost: process.env.DOCKER_HOST,
      clock,
      artifacts: { get: () => Promise.reject(new Error('it lies in the database')) },
    });
    const back = (env: Record<string, string> = {}) =>
      rollBackOffline(
        { data: at.dataDir, target: () => target, env, clock, who: 'a test' },
        { repo: null, release: null, dryRun: false, reason: 'night' },
      );
    const answer = async () =>
      (await fetch(`http://127.0.0.1:${at.port}/`, { headers: { connection: 'close' } })).text();
    expect(await back()).toMatchObject({ kind: 'done', view: { to: releases[1]?.id, done: true } });
    expect(await answer()).toBe('v2');
    expect(await back()).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('holds the values of SECRET'),
    });
    expect(await back({ SECRET: 'planted' })).toMatchObject({ kind: 'done', view: { to: releases[2]?.id } });
    expect(await answer()).toBe('v1');
    expect(await back()).toMatchObject({
      kind: 'refused',
      reason: 'there is no older release to go back to',
    });
    // What it did waits for the trail in the journal.
    const journal = OfflineJournal.open(journalIn(at.dataDir), clock);
    expect(journal.pending(shop)).toBe(true);
    expect(journal.live(shop)).toBe(releases[2]?.id);
    journal.close();
  } finally {
    await at.close();
  }
});
