import type { Sql } from '../connect.ts';
import type { EnvelopeRow } from './nodes.ts';

/** Entries as they are stored, with their payloads: unparsed, for verifiers. */
export type EntryRow = EnvelopeRow & { salt: Uint8Array | null; bytes: Uint8Array | null };

/** A payload may be 4 MiB, so a batch is bounded by its bytes too. */
const BATCH = 2_000;
const MAX_BYTES = 33_554_432;

/** The next entries after a position: at least one where there is one, and then as many as fit into both bounds. */
export async function entriesAfter(
  sql: Sql,
  after: number,
  limits: { entries?: number; bytes?: number } = {},
): Promise<EntryRow[]> {
  return sql<EntryRow[]>`
    select position, stream, version, type, actor, at, payload_digest, salt, bytes from (
      select e.*, p.salt, p.bytes, sum(octet_length(p.bytes)) over (order by e.position) - octet_length(p.bytes) as before
      from (
        select * from millwright.entries where position > ${after} order by position limit ${Math.min(limits.entries ?? BATCH, BATCH)}
      ) e left join millwright.payloads p using (position)
    ) as sized where coalesce(before, 0) < ${limits.bytes ?? MAX_BYTES} order by position`;
}
