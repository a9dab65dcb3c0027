import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import postgres from 'postgres';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  checkpointText,
  cosign,
  formatNote,
  GrowingTree,
  generateKey,
  leafHash,
  parseNote,
  parseSignerKey,
  type SignerKey,
  signText,
} from '../proof/index.ts';
import { openRedactor } from '../redactor.ts';
import { ORIGIN, type SealedTrail, sealedTrail } from '../testing/sealed.ts';
import { factory, halted, keyOn, orchestrator } from '../testing/trail.ts';
import { type EnvelopeRow, envelopeOf, RowMaker, type TreeRow } from './nodes.ts';
import { verifyTrail } from './verify.ts';

// THREATS 25: a superuser edits, deletes, reorders, truncates the tail or rewrites the whole trail. Each on a real database, each named.

let t: SealedTrail;
/** Checkpoints at 10, 40 and 60 entries; four more entries are not sealed. */
let notes: string[];
beforeEach(async () => {
  t = await sealedTrail();
  notes = [];
  for (const n of [10, 30, 20]) {
    await t.fill(n);
    notes.push(await t.checkpoint());
  }
  await t.sealer.stop();
  await t.fill(4);
});
afterEach(() => t.close());

/** In one window, and again in the smallest there is: what is found is the same, though not how far was read after it. */
async function verify(more: { earlier?: string[]; vkeys?: string[] } = {}) {
  const options = { url: t.db.url.orchestrator, vkeys: [await t.vkey()], ...more };
  const verdict = await verifyTrail(options);
  const { integrity } = verdict;
  const again = await verifyTrail({ ...options, window: 16 });
  expect(again).toEqual(integrity.kind === 'ok' ? verdict : expect.objectContaining({ integrity }));
  return verdict;
}

/** Moves entries from `from` on by one, as somebody does who wants no gap. */
const shift = (from: number, by: 1 | -1) => [
  `update millwright.payloads set position = -position where position >= ${from}`,
  `update millwright.payloads set position = -position + ${by} where position < 0`,
  'alter domain millwright.trail_position drop constraint trail_position_check',
  `update millwright.entries set position = -position where position >= ${from}`,
  `update millwright.entries set position = -position + ${by} where position < 0`,
];

test('an untouched trail is ok: what is sealed, what is not yet, what is redacted', async () => {
  const redactor = openRedactor({ url: t.db.url.redactor });
  const data = { position: 7, reason: 'a name' };
  const version = (await t.trail.read(factory)).length;
  const said = await t.trail.append({
    ...{ stream: factory, expectedVersion: version, actor: orchestrator },
    entries: [{ type: 'trail.redacted', data }],
  });
  if (said.kind !== 'appended') throw new Error(said.kind);
  await redactor.redact(7, said.position);
  await redactor.close();
  expect(await verify({ earlier: notes })).toEqual({
    integrity: { kind: 'ok' },
    entries: 65,
    sealed: 60,
    anchored: 60,
    checkpoints: expect.any(Number),
    redacted: { count: 1, first: [7] },
    witnessed: [],
  });
  expect(await verify()).toMatchObject({ integrity: { kind: 'ok' }, anchored: 0 });
});

test('an empty trail is ok', async () => {
  const empty = await sealedTrail();
  const verdict = await verifyTrail({ url: empty.db.url.orchestrator, vkeys: [await t.vkey()] });
  expect(verdict).toMatchObject({ integrity: { kind: 'ok' }, entries: 0, sealed: 0 });
  await empty.close();
});

describe('found, with the first bad position', () => {
  const other = `'\\x${Buffer.from('{"reason":"another"}').toString('hex')}'::bytea`;
  const newDigest = (at: number) =>
    `update millwright.entries e set payload_digest = sha256(p.salt || p.bytes) from millwright.payloads p where p.position = e.position and e.position = ${at}`;
  test.each<[string, string[], number, string]>([
    [
      'an actor was changed',
      ["update millwright.entries set actor = 'migrator' where position = 23"],
      23,
      'changed',
    ],
    [
      'a time was changed, the last sealed one',
      ['update millwright.entries set at = at + 1 where position = 60'],
      60,
      'changed',
    ],
    [
      'the very first entry was changed',
      ["update millwright.entries set type = 'factory.resumed' where position = 1"],
      1,
      'changed',
    ],
    [
      'two entries were changed',
      ["update millwright.entries set actor = 'migrator' where position in (31, 52)"],
      31,
      'changed',
    ],
    [
      'a payload was swapped',
      [`update millwright.payloads set bytes = ${other} where position = 12`],
      12,
      'payload',
    ],
    [
      'a payload and its digest were swapped',
      [`update millwright.payloads set bytes = ${other} where position = 12`, newDigest(12)],
      12,
      'changed',
    ],
    [
      'two payloads were exchanged',
      [
        'update millwright.payloads set position = position + 1000 where position in (5, 9)',
        'update millwright.payloads set position = 14 - (position - 1000) where position > 1000',
      ],
      5,
      'payload',
    ],
    [
      'an unsealed payload was swapped',
      [`update millwright.payloads set bytes = ${other} where position = 63`],
      63,
      'payload',
    ],
    ['an entry was removed', ['delete from millwright.entries where position = 33'], 33, 'removed'],
    [
      'an entry was removed and the gap closed',
      [
        'delete from millwright.payloads where position = 33',
        'delete from millwright.entries where position = 33',
        ...shift(34, -1),
      ],
      33,
      'removed',
    ],
    [
      'an entry was inserted',
      [
        ...shift(33, 1),
        "insert into millwright.entries select 33, 'ticket/tkt_zzzzzzzzzzzz', 1, type, actor, at, payload_digest from millwright.entries where position = 5",
        'insert into millwright.payloads select 33, salt, bytes from millwright.payloads where position = 5',
      ],
      33,
      'inserted',
    ],
    [
      'two entries were reordered',
      [
        'alter domain millwright.trail_position drop constraint trail_position_check',
        'update millwright.entries set position = -position where position in (20, 25)',
        'update millwright.entries set position = 45 + position where position < 0',
        'update millwright.payloads set position = position + 1000 where position in (20, 25)',
        'update millwright.payloads set position = 1045 - position where position > 1000',
      ],
      20,
      'reordered',
    ],
    [
      'the tail was cut off',
      [
        'delete from millwright.entries where position > 50',
        'delete from millwright.payloads where position > 50',
      ],
      51,
      'truncated',
    ],
    ['everything was deleted', ['delete from millwright.entries'], 1, 'truncated'],
    [
      'the stored hash of an entry was changed',
      [
        "update millwright.tree set children = sha256('') || substr(children, 33) where level = 4 and index = 1",
      ],
      17,
      'tree',
    ],
    [
      'a stored node was changed',
      ["update millwright.tree set hash = sha256('') where level = 4 and index = 2"],
      33,
      'tree',
    ],
    ['a stored node was deleted', ['delete from millwright.tree where level = 4 and index = 2'], 33, 'tree'],
    [
      'a checkpoint was changed',
      ["update millwright.checkpoints set note = replace(note, E'\\n40\\n', E'\\n41\\n') where size = 40"],
      40,
      'checkpoint',
    ],
    [
      'a checkpoint was replaced by another',
      [
        'update millwright.checkpoints c set note = (select o.note from millwright.checkpoints o where o.size = 10) where size = 40',
      ],
      40,
      'checkpoint',
    ],
    [
      'a version was renumbered in the unsealed tail',
      ['update millwright.entries set version = 2 where position = 62'],
      62,
      'version',
    ],
  ])('%s', async (_, statements, position, code) => {
    await t.superuser(...statements);
    const verdict = await verify();
    expect(verdict.integrity).toMatchObject({ kind: 'tampered', position, code });
  });
});

/** Rewrites the trail from `position` on as somebody can who has the database and the operator's own key: all of it fits again. */
async function rewrite(
  from: number,
  options: { by?: SignerKey; origin?: string; upTo?: number } = {},
): Promise<void> {
  const signer =
    options.by ?? parseSignerKey((await readFile(join(t.keyFolder, 'signer.key'), 'utf8')).trim());
  if (signer === null) throw new Error('no key');
  await t.superuser(
    `update millwright.entries set actor = 'migrator' where position = ${from}`,
    'delete from millwright.tree',
    'delete from millwright.checkpoints',
    ...(options.upTo === undefined
      ? []
      : [
          `delete from millwright.entries where position > ${options.upTo}`,
          `delete from millwright.payloads where position > ${options.upTo}`,
        ]),
  );
  const sql = postgres(t.db.url.postgres, {
    max: 1,
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
  });
  const rows = await sql<EnvelopeRow[]>`select * from millwright.entries order by position`;
  const tree = new GrowingTree();
  const maker = new RowMaker();
  const made: TreeRow[] = [];
  for (const row of rows)
    tree.append(leafHash(envelopeOf(row)), (...node) => {
      const one = maker.completed(...node);
      if (one !== null) made.push(one);
    });
  for (const { level, index, hash, children } of made)
    await sql`insert into millwright.tree values (${level}, ${index}, ${Buffer.from(hash)}, ${Buffer.from(children)})`;
  const text = checkpointText({
    origin: options.origin ?? ORIGIN,
    size: tree.size,
    root: tree.root(),
    extensions: [],
  });
  const note = formatNote({ text, signatures: [signText(text, signer)] });
  await sql`insert into millwright.checkpoints values (${tree.size}, ${Buffer.from(tree.root())}, ${Buffer.from(maker.tail())}, ${note}, 1)`;
  await sql.end();
}

describe('a dishonest operator', () => {
  test('rewrites the whole tree and signs it again: an earlier checkpoint tells, and between which entries', async () => {
    await rewrite(23);
    expect((await verify()).integrity).toEqual({ kind: 'ok' }); // why one keeps checkpoints, and has witnesses
    expect((await verify({ earlier: notes })).integrity).toMatchObject({
      kind: 'tampered',
      position: 11,
      through: 40,
      code: 'fork',
    });
    expect((await verify({ earlier: notes.slice(2) })).integrity).toMatchObject({
      kind: 'tampered',
      position: 1,
      through: 60,
      code: 'fork',
    });
    expect((await verify({ earlier: notes.slice(0, 1) })).integrity).toEqual({ kind: 'ok' }); // entries 1 to 10 are as they were
  });

  test('and a witness tells as well, whose cosignature nobody can make for the other tree', async () => {
    const witness = generateKey('witness.test/w', 'cosignature').signer;
    const parsed = parseNote(notes[1] ?? '');
    if (parsed.kind !== 'note') throw new Error('no note');
    const { text, signatures } = parsed.note;
    const kept = formatNote({ text, signatures: [...signatures, cosign(text, witness, 1_700_000_000)] });
    await rewrite(23);
    const vkeys = [await t.vkey(), witness.vkey];
    expect((await verify({ earlier: [kept], vkeys })).integrity).toMatchObject({
      kind: 'tampered',
      position: 1,
      through: 40,
      code: 'fork',
    });
  });

  test('cuts off the tail with its checkpoints: an earlier checkpoint tells', async () => {
    await t.superuser(
      'delete from millwright.entries where position > 40',
      'delete from millwright.payloads where position > 40',
      'delete from millwright.checkpoints where size > 40',
      'delete from millwright.tree where (index + 1) * (1 << level) > 40',
    );
    expect((await verify()).integrity).toEqual({ kind: 'ok' });
    expect((await verify({ earlier: notes })).integrity).toMatchObject({
      kind: 'tampered',
      position: 41,
      through: 60,
      code: 'rolled-back',
    });
  });

  test('restores an older backup and goes on from it: a fork of what was signed', async () => {
    await t.superuser(
      'delete from millwright.entries where position > 40',
      'delete from millwright.payloads where position > 40',
    );
    await t.trail.append({
      stream: factory,
      expectedVersion: 0,
      actor: orchestrator,
      entries: Array.from({ length: 30 }, () => halted('another history')),
    });
    await rewrite(41);
    expect((await verify()).integrity).toEqual({ kind: 'ok' });
    expect((await verify({ earlier: notes })).integrity).toMatchObject({
      kind: 'tampered',
      position: 41,
      through: 60,
      code: 'fork',
    });
  });

  test('signs with a key that nobody knows, or for another origin', async () => {
    const stranger = generateKey(ORIGIN, 'note').signer;
    await rewrite(23, { by: stranger });
    expect((await verify()).integrity).toMatchObject({ kind: 'untrusted', code: 'unknown-key' });
    const elsewhere = generateKey('elsewhere.test/trail', 'note').signer;
    await rewrite(24, { by: elsewhere, origin: 'elsewhere.test/trail' });
    const { integrity } = await verify();
    expect(integrity).toMatchObject({ kind: 'untrusted', code: 'unknown-key' });
    expect(JSON.stringify(integrity)).toContain('elsewhere.test/trail');
  });

  test('an earlier checkpoint that does not hold itself is no evidence', async () => {
    const forged = notes.map((note) => note.replace('\n40\n', '\n39\n'));
    expect((await verify({ earlier: forged })).integrity).toMatchObject({
      kind: 'untrusted',
      code: 'bad-signature',
    });
  });
});

test('every key of a rotated trail is believed as far as its signatures go', async () => {
  const fresh = await sealedTrail();
  await fresh.fill(5);
  await fresh.checkpoint();
  const first = await fresh.vkey();
  await fresh.sealer.rotate(keyOn(fresh.trail));
  await fresh.fill(20);
  await fresh.checkpoint();
  const second = await fresh.vkey();
  for (const vkey of [first, second])
    expect(await verifyTrail({ url: fresh.db.url.orchestrator, vkeys: [vkey] })).toMatchObject({
      integrity: { kind: 'ok' },
      sealed: 26,
    });
  await fresh.close();
});
