import { textArray } from '@millwright/database';
import { streamOf } from '@millwright/domain';
import type { Sql } from '../connect.ts';
import {
  checkCosignature,
  formatNote,
  keysAfter,
  type Opened,
  openCheckpoint,
  parseNote,
  type Rotation,
  type Signature,
  type VerifierKey,
} from '../proof/index.ts';

// Signed checkpoints as they are stored, and who may be believed about them.

export type SignedCheckpoint = {
  size: number;
  /** The signed note, with the cosignatures there are. */
  note: string;
  /** Milliseconds since the epoch, by the sealer's clock. */
  at: number;
};

type Row = Pick<SignedCheckpoint, 'size' | 'note' | 'at'>;
type CosignatureRow = { name: string; key_id: string; signature: Uint8Array };
/** Null where nobody has cosigned. */
type CosignedRow = Row & { [K in keyof CosignatureRow]: CosignatureRow[K] | null };

/** The note with what witnesses have added to it. */
function withCosignatures(row: Row, cosignatures: readonly CosignatureRow[]): SignedCheckpoint {
  const { size, note, at } = row;
  const parsed = parseNote(note);
  if (cosignatures.length === 0 || parsed.kind === 'malformed') return { size, note, at };
  const added: Signature[] = cosignatures.map(({ name, key_id, signature }) => ({
    name,
    id: key_id,
    bytes: signature,
  }));
  const { text, signatures } = parsed.note;
  return { size, note: formatNote({ text, signatures: [...signatures, ...added] }), at };
}

/** One checkpoint, from its rows: one for each cosignature, and one where there is none. */
function oneOf(rows: readonly CosignedRow[]): SignedCheckpoint | null {
  const [row] = rows;
  return row === undefined
    ? null
    : withCosignatures(
        row,
        rows.filter((one): one is Row & CosignatureRow => one.name !== null),
      );
}

export async function latestCheckpoint(sql: Sql): Promise<SignedCheckpoint | null> {
  return oneOf(
    await sql<CosignedRow[]>`
      select c.size, c.note, c.at, s.name, s.key_id, s.signature from (
        select * from millwright.checkpoints order by size desc limit 1
      ) as c left join millwright.cosignatures s using (size) order by s.at, s.name`,
  );
}

/** The checkpoint of exactly this size, if one was signed. */
export async function checkpointAt(sql: Sql, size: number): Promise<SignedCheckpoint | null> {
  return oneOf(
    await sql<CosignedRow[]>`
      select c.size, c.note, c.at, s.name, s.key_id, s.signature
      from millwright.checkpoints c left join millwright.cosignatures s using (size)
      where c.size = ${size} order by s.at, s.name`,
  );
}

/** The checkpoints of sizes in (after, end], in order. */
export async function checkpointsWithin(
  sql: Sql,
  after: number,
  end: number,
): Promise<(SignedCheckpoint & { tail: Uint8Array })[]> {
  const rows = await sql<(Row & { tail: Uint8Array })[]>`
    select size, note, at, tail from millwright.checkpoints where size > ${after} and size <= ${end} order by size`;
  const cosignatures = await sql<(CosignatureRow & { size: number })[]>`
    select size, name, key_id, signature from millwright.cosignatures where size > ${after} and size <= ${end} order by size, at, name`;
  const of = Map.groupBy(cosignatures, ({ size }) => size);
  return rows.map((row) => ({ ...withCosignatures(row, of.get(row.size) ?? []), tail: row.tail }));
}

/** The latest checkpoint that at least `quorum` of these names have cosigned (by the table; the caller checks the signatures). */
export async function latestCosigned(
  sql: Sql,
  names: readonly string[],
  quorum: number,
): Promise<SignedCheckpoint | null> {
  return oneOf(
    await sql<CosignedRow[]>`
      select c.size, c.note, c.at, s.name, s.key_id, s.signature from (
        select e.size from millwright.cosignatures e where e.name = any(${textArray(names)}::text[])
        group by e.size having count(distinct e.name) >= ${quorum} order by e.size desc limit 1
      ) as enough join millwright.checkpoints c using (size) join millwright.cosignatures s using (size) order by s.at, s.name`,
  );
}

/** How far a witness has come. `size`: of the last checkpoint it cosigned, 0 for none. `since`: when the first after that was signed, if any was. */
export type Cosigned = { name: string; size: number; at: number | null; since: number | null };

export async function cosignedBy(sql: Sql, names: readonly string[]): Promise<Cosigned[]> {
  return sql<Cosigned[]>`
    select w.name, coalesce(s.size, 0) as size, s.at, (
      select c.at from millwright.checkpoints c where c.size > coalesce(s.size, 0) order by c.size limit 1
    ) as since
    from unnest(${textArray(names)}::text[]) with ordinality as w(name, nth) left join lateral (
      select x.size, x.at from millwright.cosignatures x where x.name = w.name order by x.size desc limit 1
    ) as s on true order by w.nth`;
}

/** The handings over on the trail, in order. Payloads that are gone or odd say nothing. */
export async function rotationsOn(sql: Sql): Promise<Rotation[]> {
  const rows = await sql<{ bytes: Uint8Array }[]>`
    select p.bytes from millwright.entries e join millwright.payloads p using (position)
    where e.stream = ${streamOf.factory()} and e.type = 'factory.key-rotated' order by e.version`;
  return rows.flatMap(({ bytes }) => {
    const data: Partial<Rotation> = JSON.parse(Buffer.from(bytes).toString('utf8'));
    const { previous, next, note } = data;
    return typeof previous === 'string' && typeof next === 'string' && typeof note === 'string'
      ? [{ previous, next, note }]
      : [];
  });
}

/** Opens a checkpoint that is under one of these keys or under one they handed over to, or had it from. */
export async function openOwn(sql: Sql, note: string, keys: readonly VerifierKey[]): Promise<Opened> {
  const direct = openCheckpoint(note, keys);
  if (direct.kind !== 'unknown-key') return direct;
  return openCheckpoint(note, keysAfter(keys, await rotationsOn(sql), { backwards: true }));
}

export type AddedCosignature = { kind: 'added' } | { kind: 'known' } | { kind: 'refused'; reason: string };

/** Keeps a witness's signature on the checkpoint of this size: only of a witness that is known, and only one that holds. */
export async function addCosignature(
  sql: Sql,
  witnesses: readonly VerifierKey[],
  size: number,
  signature: Signature,
  at: number,
): Promise<AddedCosignature> {
  const key = witnesses.find((one) => one.name === signature.name && one.id === signature.id);
  if (key === undefined) return { kind: 'refused', reason: `no witness ${signature.name} is known here` };
  const checkpoint = await checkpointAt(sql, size);
  if (checkpoint === null) return { kind: 'refused', reason: `there is no checkpoint of ${size} entries` };
  const parsed = parseNote(checkpoint.note);
  if (parsed.kind === 'malformed' || checkCosignature(parsed.note.text, signature, key) === null)
    return { kind: 'refused', reason: 'the cosignature does not hold for our checkpoint of that size' };
  const [row] = await sql<[{ added: boolean }]>`
    select millwright.add_cosignature(${size}, ${signature.name}, ${signature.id}, ${Buffer.from(signature.bytes)}, ${at}) as added`;
  return { kind: row.added ? 'added' : 'known' };
}
