import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { type SealedTrail, sealedTrail } from '../testing/sealed.ts';
import { factory, halted, orchestrator, ticket } from '../testing/trail.ts';
import { verifyTrail } from './verify.ts';

// Disks that are really full, small ones of their own. Only root may mount them; `/dev/full` stands in for them elsewhere (sealer.int.test.ts).

const place = mkdtempSync(join(tmpdir(), 'millwright-full-'));
const mount = (size: string) =>
  spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', place]).status === 0;
const unmount = () => spawnSync('umount', [place]).status === 0;
const mounts = process.getuid?.() === 0 && mount('64k') && unmount();

let t: SealedTrail | undefined;
beforeEach(() => chmodSync(place, 0o755));
afterEach(async () => {
  await t?.close();
  t = undefined;
  unmount();
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

const filler = () => join(place, 'filler');
/** Takes what room there is, but for this many bytes. */
const fill = (left = 0) => {
  const { bavail, bsize } = statfsSync(place);
  writeFileSync(filler(), Buffer.alloc(Math.max(0, bavail * bsize - left)));
};
const room = () => rmSync(filler());

test.runIf(mounts)(
  'full under the sealer’s keys: nothing is sealed, appends go on, and with room all of it is sealed',
  async () => {
    mount('64k');
    const keyFolder = join(place, 'keys');
    t = await sealedTrail({ keyFolder });
    await t.fill(3);
    await t.checkpoint();
    fill();
    const head = await t.fill(5);
    expect(await t.sealer.sealed(head, { timeoutMs: 700 })).toBe('timeout');
    expect(t.sealer.state()).toMatchObject({ kind: 'waiting', reason: expect.stringContaining('ENOSPC') });
    expect((await t.sealer.latest())?.size).toBe(3);
    room();
    expect(await t.sealer.sealed(head, { timeoutMs: 60_000 })).toBe('sealed');
    // Killed with the disk full, its memory is whole too.
    fill();
    await t.sealer.stop();
    const again = await t.open({ keyFolder });
    await again.start();
    expect(again.state().kind).toBe('sealing');
    room();
    expect(await again.sealed(await t.fill(2), { timeoutMs: 60_000 })).toBe('sealed');
    await again.stop();
  },
);

test.runIf(mounts)(
  'full under the database: an append is refused whole, in words; with room it goes on, and nothing is lost',
  async () => {
    mount('8m');
    const folder = join(place, 'space');
    mkdirSync(folder);
    spawnSync('chown', ['-R', 'nobody', place]);
    t = await sealedTrail();
    const trail = t;
    await t.fill(20);
    await t.checkpoint();
    await t.statement(`create tablespace full_disk location '${folder}'`);
    try {
      for (const table of ['entries', 'payloads', 'checkpoints'])
        await t.statement(`alter table millwright.${table} set tablespace full_disk`);
      fill(65_536);
      let version = 0;
      const append = (reason: string) =>
        trail.trail.append({
          stream: factory,
          expectedVersion: version,
          actor: orchestrator,
          entries: [halted(reason)],
        });
      const refused = async () => {
        for (;;) {
          const done = await append('x'.repeat(1_500));
          if (done.kind !== 'appended') throw new Error(done.kind);
          version = done.version;
        }
      };
      await expect(refused()).rejects.toMatchObject({ code: 'trail-full', disposition: 'retryable' });
      expect(version).toBeGreaterThan(0);
      await expect(append('x'.repeat(1_500))).rejects.toMatchObject({
        message: 'the database has no space left on its disk; free some and it goes on',
      });
      expect(await t.trail.read(factory)).toHaveLength(version);
      const head = await t.trail.head();
      room();
      expect(await append('there is room')).toMatchObject({ kind: 'appended', position: head + 1 });
      const stream = ticket(900);
      await t.trail.append({
        stream,
        expectedVersion: 0,
        actor: orchestrator,
        entries: [halted('and more')],
      });
      await t.checkpoint();
      expect(await verifyTrail({ url: t.db.url.orchestrator, vkeys: [await t.vkey()] })).toMatchObject({
        integrity: { kind: 'ok' },
        sealed: head + 2,
      });
    } finally {
      for (const table of ['entries', 'payloads', 'checkpoints'])
        await t.statement(`alter table millwright.${table} set tablespace pg_default`);
      await t.statement('drop tablespace full_disk');
    }
  },
);
