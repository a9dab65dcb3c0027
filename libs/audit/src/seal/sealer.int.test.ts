import { chmod, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  checkConsistency,
  cosign,
  generateKey,
  openCheckpoint,
  parseNote,
  parseVerifierKey,
  verifyBundle,
} from '../proof/index.ts';
import { ORIGIN, type SealedTrail, sealedTrail } from '../testing/sealed.ts';
import { factory, halted, keyOn, orchestrator } from '../testing/trail.ts';
import type { Sealer } from './sealer.ts';

let t: SealedTrail;
beforeEach(async () => {
  t = await sealedTrail();
});
afterEach(() => t.close());

const keyOf = (vkey: string) => {
  const key = parseVerifierKey(vkey);
  if (key === null) throw new Error(`not a key: ${vkey}`);
  return key;
};
const opened = async (note: string) => {
  const result = openCheckpoint(note, [keyOf(await t.vkey())]);
  if (result.kind !== 'opened') throw new Error(result.kind);
  return result.checkpoint;
};

describe('sealing', () => {
  test('what is appended is under a signed checkpoint soon after, without anybody asking', async () => {
    const head = await t.fill(3);
    const latest = await t.sealer.after(head - 1, 60_000);
    expect(latest?.size).toBe(head);
    expect(await opened(latest?.note ?? '')).toMatchObject({ origin: ORIGIN, size: head });
    await expect.poll(() => t.sealer.state()).toEqual({ kind: 'sealing', size: head }); // told after the checkpoint is
    expect(await t.sealer.checkpointAt(head)).toEqual(latest);
    expect(await t.sealer.checkpointAt(head + 1)).toBeNull();
  });

  test('every proof of every entry holds under the checkpoint, at sizes around the edges of stored groups', async () => {
    for (const more of [1, 14, 1, 1, 15, 223, 1, 1, 43]) {
      await t.fill(more);
      const note = await t.checkpoint();
      const { size } = await opened(note);
      for (const position of new Set([1, Math.ceil(size / 2), Math.max(1, size - 16), size])) {
        const bundle = await t.prover.prove(position);
        expect(verifyBundle(JSON.stringify(bundle), [await t.vkey()])).toMatchObject({
          integrity: { kind: 'ok' },
          entries: 1,
        });
      }
    }
  });

  test('consistency from every checkpoint to every later one', async () => {
    const notes: string[] = [];
    for (const more of [1, 6, 9, 1, 17, 250]) {
      await t.fill(more);
      notes.push(await t.checkpoint());
    }
    const all = await Promise.all(notes.map(opened));
    for (const a of all)
      for (const b of all.filter((one) => one.size >= a.size)) {
        const proof = await t.prover.consistency(a.size, b.size);
        expect(checkConsistency(a.size, b.size, a.root, b.root, proof), `${a.size} → ${b.size}`).toBe(true);
      }
    expect(await t.prover.consistency(0, 5)).toEqual([]);
    await expect(t.prover.consistency(5, 4)).rejects.toMatchObject({ code: 'no-entry' });
  });

  test('what is not there has no proof, and what is not sealed yet has none yet', async () => {
    await t.fill(2);
    await t.checkpoint();
    await expect(t.prover.prove(99)).rejects.toMatchObject({ code: 'no-entry' });
    await t.sealer.stop();
    await t.trail.append({
      stream: factory,
      expectedVersion: 0,
      actor: orchestrator,
      entries: [halted('late')],
    });
    await expect(t.prover.prove(3)).rejects.toMatchObject({ code: 'unsealed', disposition: 'retryable' });
  });

  test('sealed: waits for it, and no longer than it was told', async () => {
    const head = await t.fill(1);
    expect(await t.sealer.sealed(head, { timeoutMs: 60_000 })).toBe('sealed');
    expect(await t.sealer.sealed(head + 1, { timeoutMs: 50 })).toBe('timeout');
    expect(await t.sealer.sealed(head + 1, { timeoutMs: 60_000, signal: AbortSignal.timeout(50) })).toBe(
      'timeout',
    );
  });
});

describe('one sealer of many', () => {
  test('only one seals, every one knows, and the next takes over when it is gone', async () => {
    const others = await Promise.all([t.open(), t.open()]);
    try {
      await Promise.all(others.map((one) => one.start()));
      expect(others.map((one) => one.state().kind)).toEqual(['waiting', 'waiting']);
      const head = await t.fill(5);
      expect(await Promise.all(others.map((one) => one.sealed(head, { timeoutMs: 60_000 })))).toEqual([
        'sealed',
        'sealed',
      ]);
      // Its session is ended by the server, as when its process was killed.
      await t.superuser('select pg_terminate_backend(pid) from millwright.sealer');
      const after = await t.fill(5);
      const all = [t.sealer, ...others];
      expect(await Promise.all(all.map((one) => one.sealed(after, { timeoutMs: 60_000 })))).toEqual([
        'sealed',
        'sealed',
        'sealed',
      ]);
      await expect.poll(() => all.filter((one) => one.state().kind === 'sealing').length).toBe(1);
    } finally {
      await Promise.all(others.map((one) => one.stop()));
    }
  });

  test('nobody asks, three stand by, one is killed: the trail itself shows that no checkpoint left more than 1,000 entries behind', async () => {
    const others = await Promise.all([t.open(), t.open()]);
    const all = [t.sealer, ...others];
    const write = async (entries: number) => {
      for (let i = 0; i < entries; i++) await t.fill(1);
      return t.trail.head();
    };
    const sizes = async () => {
      const sql = postgres(t.db.url.orchestrator, { max: 1 });
      const rows = await sql<{ size: string }[]>`select size from millwright.checkpoints order by size`;
      await sql.end();
      return rows.map((row) => Number(row.size));
    };
    const covered = (head: number) => expect.poll(async () => (await t.sealer.latest())?.size).toBe(head);
    try {
      await Promise.all(others.map((one) => one.start()));
      const head = await write(400);
      await covered(head);
      const seen = await sizes();
      expect(seen.length).toBeGreaterThan(1); // while they came, not only after the last
      expect(Math.max(...seen.map((size, i) => size - (seen[i - 1] ?? 0)))).toBeLessThanOrEqual(1_000);
      await t.superuser('select pg_terminate_backend(pid) from millwright.sealer');
      await covered(await write(100));
      await expect.poll(() => all.filter((one) => one.state().kind === 'sealing').length).toBe(1);
    } finally {
      await Promise.all(others.map((one) => one.stop()));
    }
  });

  test('a thousand entries wait for no quiet moment, however long that is', async () => {
    await t.sealer.stop();
    const patient = await t.open({ debounceMs: 600_000 });
    await patient.start();
    for (let head = await t.fill(1_000); head <= 3_000; head = await t.fill(1_000))
      await expect.poll(async () => head - ((await patient.latest())?.size ?? 0)).toBeLessThan(1_000);
    await patient.stop();
  });

  test('entries that come while a checkpoint is made wait for the quiet moment like any, however long the trail is', async () => {
    await t.fill(1_500);
    await t.checkpoint();
    await t.sealer.stop();
    const calm = await t.open({ debounceMs: 1_000 });
    await calm.start();
    const sizes = new Set<number>();
    const from = performance.now();
    while (performance.now() - from < 2_000) {
      await t.fill(1);
      sizes.add((await calm.latest())?.size ?? 0);
    }
    expect(sizes.size).toBeLessThanOrEqual(3 + (performance.now() - from) / 500);
    await calm.stop();
  });

  test('a full disk under its keys: nothing is sealed, appends go on, it says so, and goes on when there is room', async () => {
    await t.fill(3);
    await t.checkpoint();
    await symlink('/dev/full', join(t.keyFolder, 'checkpoint.intended'));
    const head = await t.fill(5);
    expect(await t.sealer.sealed(head, { timeoutMs: 700 })).toBe('timeout');
    expect(t.sealer.state()).toMatchObject({ kind: 'waiting', reason: expect.stringContaining('ENOSPC') });
    expect((await t.sealer.latest())?.size).toBe(3);
    await rm(join(t.keyFolder, 'checkpoint.intended'));
    expect(await t.sealer.sealed(head, { timeoutMs: 60_000 })).toBe('sealed');
  });

  test('stopped and started again, it goes on from the last checkpoint', async () => {
    await t.fill(20);
    await t.checkpoint();
    await t.sealer.stop();
    const again = await t.open();
    await again.start();
    const head = await t.fill(20);
    expect(await again.sealed(head, { timeoutMs: 60_000 })).toBe('sealed');
    const [a, b] = [await again.checkpointAt(20), await again.latest()];
    const [from, to] = [await opened(a?.note ?? ''), await opened(b?.note ?? '')];
    const proof = await t.prover.consistency(20, 40);
    expect(checkConsistency(20, 40, from.root, to.root, proof)).toBe(true);
    await again.stop();
  });

  test('no other session can seal, whatever it says', async () => {
    await t.fill(1);
    await t.checkpoint();
    const sql = postgres(t.db.url.orchestrator, { max: 1 });
    const seal = sql`select millwright.seal(1, 2, sha256(''), sha256('') || sha256(''), 'x', 1, '{}', '{}', '{}', '{}')`;
    await expect(seal).rejects.toMatchObject({ code: '55000' });
    await sql.end();
  });
});

describe('the key', () => {
  test('is made with mode 0600, is not in the database, and is refused when others may read it', async () => {
    const file = join(t.keyFolder, 'signer.key');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(t.keyFolder)).mode & 0o777).toBe(0o700);
    await t.fill(1);
    await t.checkpoint();
    const secret = (await readFile(file, 'utf8')).trim().split('+').at(-1) ?? '';
    const sql = postgres(t.db.url.postgres, { max: 1 });
    for (const table of ['checkpoints', 'entries', 'payloads', 'tree']) {
      const rows = await sql.unsafe(`select x::text as row from millwright.${table} x`);
      expect(JSON.stringify(rows)).not.toContain(secret);
    }
    await sql.end();
    await chmod(file, 0o644);
    const again = await t.open();
    await expect(again.start()).rejects.toMatchObject({ code: 'key-exposed' });
    await again.stop();
  });

  test('rotates: the old key vouches for the new one on the trail, and holders of the old one can go on', async () => {
    await t.fill(3);
    const before = await t.checkpoint();
    const old = await t.vkey();
    const { previous, next } = await t.sealer.rotate(keyOn(t.trail));
    expect(previous).toBe(old);
    expect(await t.checkpoint()).not.toBe(before);
    expect(await t.vkey()).toBe(next);
    const [latest, bundle] = [await t.checkpoint(), await t.prover.prove(2)];
    expect(openCheckpoint(latest, [keyOf(next)]).kind).toBe('opened');
    expect(openCheckpoint(latest, [keyOf(old)]).kind).toBe('unknown-key');
    for (const vkey of [old, next])
      expect(verifyBundle(JSON.stringify(bundle), [vkey]).integrity).toEqual({ kind: 'ok' });
    expect(await t.sealer.sealed(await t.fill(1), { timeoutMs: 60_000 })).toBe('sealed');
  });

  test('killed between the entry and the exchange of files, a rotation is finished at the next start', async () => {
    await t.fill(1);
    await t.checkpoint();
    const file = join(t.keyFolder, 'signer.key');
    const old = await readFile(file, 'utf8');
    const { next } = await t.sealer.rotate(keyOn(t.trail));
    await t.sealer.stop();
    await writeFile(join(t.keyFolder, 'next.key'), await readFile(file, 'utf8'), { mode: 0o600 });
    await writeFile(file, old, { mode: 0o600 });
    const again = await t.open();
    await again.start();
    expect(await again.sealed(await t.fill(1), { timeoutMs: 60_000 })).toBe('sealed');
    expect(await again.vkey()).toBe(next);
    await again.stop();
  });

  test('lost, it is not silently replaced', async () => {
    await t.fill(1);
    await t.checkpoint();
    await t.sealer.stop();
    await rm(join(t.keyFolder, 'signer.key'));
    await expectRefusal('key-missing');
  });
});

/** Starts another sealer on the same trail, which must sign nothing and say why. */
async function expectRefusal(code: string): Promise<void> {
  const again: Sealer = await t.open();
  await again.start();
  expect(again.state()).toMatchObject({ kind: 'refusing', code });
  const before = await again.latest();
  const head = await t.trail.head();
  await t.fill(1);
  expect(await again.sealed(head + 1, { timeoutMs: 300 })).toBe('timeout');
  expect(await again.latest()).toEqual(before);
  await again.stop();
}

describe('signs nothing that contradicts what it signed', () => {
  test('an older backup was restored', async () => {
    await t.fill(30);
    await t.checkpoint();
    await t.fill(10);
    await t.checkpoint();
    await t.sealer.stop();
    await t.superuser(
      'delete from millwright.entries where position > 30',
      'delete from millwright.payloads where position > 30',
      'delete from millwright.checkpoints where size > 30',
    );
    await expectRefusal('trail-rolled-back');
  });

  test('an entry under the last checkpoint was changed', async () => {
    await t.fill(30);
    await t.checkpoint();
    await t.sealer.stop();
    await t.superuser("update millwright.entries set actor = 'migrator' where position = 29");
    await expectRefusal('trail-tampered');
  });

  test('the stored tree was changed', async () => {
    await t.fill(40);
    await t.checkpoint();
    await t.sealer.stop();
    await t.superuser("update millwright.tree set hash = sha256('') where level = 4 and index = 1");
    await expectRefusal('trail-tampered');
  });
});

describe('witnesses', () => {
  const witness = generateKey('witness.test/w', 'cosignature').signer;
  const stranger = generateKey('witness.test/w', 'cosignature').signer;
  const textOf = (note: string) => {
    const parsed = parseNote(note);
    return parsed.kind === 'note' ? parsed.note.text : '';
  };

  test('sealed means cosigned where a witness is asked for; only a cosignature that holds counts', async () => {
    await t.sealer.stop();
    const strict = await t.open({ witnesses: { vkeys: [witness.vkey], quorum: 1 } });
    await strict.start();
    try {
      const head = await t.fill(2);
      expect(await strict.sealed(head, { timeoutMs: 300 })).toBe('timeout');
      const latest = await strict.latest();
      const text = textOf(latest?.note ?? '');
      const size = latest?.size ?? 0;
      const wrong = cosign(text.replace('trail', 'other'), witness, 1_700_000_000);
      expect((await strict.addCosignature(size, cosign(text, stranger, 1))).kind).toBe('refused');
      expect((await strict.addCosignature(size, wrong)).kind).toBe('refused');
      expect((await strict.addCosignature(size + 9, cosign(text, witness, 1))).kind).toBe('refused');
      // Put there by somebody who has the database but not the witness's key, it counts for nothing either.
      await t.superuser(
        `insert into millwright.cosignatures values (${size}, '${wrong.name}', '${wrong.id}', '\\x${Buffer.from(wrong.bytes).toString('hex')}', 1)`,
      );
      expect(await strict.sealed(head, { timeoutMs: 300 })).toBe('timeout');
      await t.superuser('delete from millwright.cosignatures');
      expect(await strict.addCosignature(size, cosign(text, witness, 1_700_000_000))).toEqual({
        kind: 'added',
      });
      expect(await strict.addCosignature(size, cosign(text, witness, 1_700_000_000))).toEqual({
        kind: 'known',
      });
      expect(await strict.sealed(head, { timeoutMs: 60_000 })).toBe('sealed');
      const note = (await strict.latest())?.note ?? '';
      expect(openCheckpoint(note, [keyOf(await t.vkey()), witness])).toMatchObject({
        kind: 'opened',
        cosignedBy: [{ at: 1_700_000_000 }],
      });
    } finally {
      await strict.stop();
    }
  });

  test('what is no witness key is refused at the start', async () => {
    await expect(t.open({ witnesses: { vkeys: [await t.vkey()], quorum: 1 } })).rejects.toMatchObject({
      code: 'witness-key',
    });
  });
});

test('entries come faster than one checkpoint can hold: all are sealed', async () => {
  const head = await t.fill(6_000);
  expect(await t.sealer.sealed(head, { timeoutMs: 60_000 })).toBe('sealed');
  expect((await t.sealer.latest())?.size).toBe(head);
});
