import { retryable, streamOf, terminal } from '@millwright/domain';
import type { Sql } from '../connect.ts';
import {
  type BundleEntry,
  checkInclusion,
  checkPayload,
  inclusionSpans,
  leafHash,
  nodesOfSpans,
  parseCheckpointText,
  parseNote,
  proofOf,
  toBase64,
  writtenPayload,
} from '../proof/index.ts';
import { payloadOf } from '../rows.ts';
import { latestCheckpoint, type SignedCheckpoint } from './checkpoints.ts';
import type { EntryRow } from './log.ts';
import { envelopeOf, hashesOf } from './nodes.ts';

// Entries with their proofs. Each is checked before it is handed out: one that would not hold is an alarm, not an answer.

export const tampered = (position: number) =>
  terminal('trail-tampered', `entry ${position} is not the one that was sealed`);

type Tree = { size: number; root: Uint8Array };

export function treeOf(checkpoint: SignedCheckpoint): Tree & { origin: string } {
  const parsed = parseNote(checkpoint.note);
  const read = parsed.kind === 'note' ? parseCheckpointText(parsed.note.text) : null;
  if (read === null || read.size !== checkpoint.size)
    throw terminal('trail-tampered', `the checkpoint of ${checkpoint.size} entries is not one`);
  return read;
}

export const unsealed = (position: number) =>
  retryable('unsealed', `entry ${position} is not under a checkpoint yet`, 200);

export async function latest(sql: Sql, position: number): Promise<SignedCheckpoint> {
  const checkpoint = await latestCheckpoint(sql);
  if (checkpoint === null || checkpoint.size < position) throw unsealed(position);
  return checkpoint;
}

export const written = (row: EntryRow): Omit<BundleEntry, 'proof'> => ({
  envelope: envelopeOf(row),
  payload: writtenPayload(payloadOf(row)),
});

/** Proofs of many entries, read together, and each checked. */
export async function items(sql: Sql, rows: readonly EntryRow[], tree: Tree): Promise<BundleEntry[]> {
  const spans = rows.map((row) => inclusionSpans(row.position - 1, tree.size));
  const hashOf = await hashesOf(sql, spans.flatMap(nodesOfSpans), tree.size);
  return rows.map((row, i) => {
    const envelope = envelopeOf(row);
    const proof = proofOf(spans[i] ?? [], hashOf);
    if (!checkInclusion(row.position - 1, tree.size, leafHash(envelope), proof, tree.root))
      throw tampered(row.position);
    const checked = checkPayload(envelope, payloadOf(row));
    if (checked === 'mismatch' || checked === 'missing') throw tampered(row.position);
    return { ...written(row), proof: proof.map(toBase64) };
  });
}

export const select = (sql: Sql) => sql`
  select e.position, e.stream, e.version, e.type, e.actor, e.at, e.payload_digest, p.salt, p.bytes, p.words_salt, p.words
  from millwright.entries e left join millwright.payloads p using (position)`;

/** The sealed entries `trail.redacted` of the factory's stream. */
export const redactionRows = (sql: Sql, size: number) => sql<EntryRow[]>`
  ${select(sql)} where e.stream = ${streamOf.factory()} and e.type = 'trail.redacted' and e.position <= ${size} order by e.position`;
