import type { Digest, Envelope } from '@millwright/domain';
import type { Sql } from '../connect.ts';
import type { TrailEntry } from '../proof/index.ts';
import type { PayloadRow } from '../rows.ts';
import { type CopiedRow, copyOut } from './copy.ts';
import type { EnvelopeRow } from './nodes.ts';

/** Entries as they are stored, with their payloads: unparsed, for verifiers. */
export type EntryRow = EnvelopeRow & PayloadRow;

/** A payload may be 4 MiB, so a batch is bounded by its bytes too. */
const BATCH = 4_000;
const MAX_BYTES = 33_554_432;

/**
 * The next entries after a position: at least one where there is one, and then as many as fit into both bounds. The range is given for
 * both tables: an outer join does not hand it on, and then reads payloads from the first on (measured: 8 ms a page at entry 30,000, 1 ms so).
 */
export async function entriesAfter(
  sql: Sql,
  after: number,
  limits: { entries?: number; bytes?: number } = {},
): Promise<EntryRow[]> {
  const end = after + Math.min(limits.entries ?? BATCH, BATCH);
  const rows = await sql<EntryRow[]>`
    select position, stream, version, type, actor, at, payload_digest, salt, bytes, words_salt, words from (
      select e.*, p.salt, p.bytes, p.words_salt, p.words, sum(p.size) over (order by e.position) - p.size as before
      from millwright.entries e left join (
        select *, octet_length(bytes) + coalesce(octet_length(words), 0) as size from millwright.payloads
      ) as p on p.position = e.position and p.position > ${after} and p.position <= ${end}
      where e.position > ${after} and e.position <= ${end}
    ) as sized where coalesce(before, 0) < ${limits.bytes ?? MAX_BYTES} order by position`;
  // Positions are dense, so this is the end, or a gap that somebody made: then what comes after it tells.
  return rows.length > 0
    ? rows
    : sql<EntryRow[]>`
        select e.*, p.salt, p.bytes, p.words_salt, p.words from millwright.entries e left join millwright.payloads p on p.position = e.position
        where e.position = (select min(position) from millwright.entries where position > ${after})`;
}

function copied(row: CopiedRow): TrailEntry {
  const [salt, bytes] = [row.bytesOrNull(7), row.bytesOrNull(8)];
  const [wordsSalt, words] = [row.bytesOrNull(9), row.bytesOrNull(10)];
  return {
    envelope: {
      v: 1,
      position: row.bigint(0),
      stream: row.text(1) as Envelope['stream'],
      version: row.integer(2),
      type: row.text(3),
      actor: row.text(4) as Envelope['actor'],
      at: row.bigint(5),
      payloadDigest: `sha256:${row.hex(6)}` as Digest,
    },
    payload:
      salt === null || bytes === null
        ? null
        : {
            salt,
            bytes,
            words: wordsSalt === null || words === null ? null : { salt: wordsSalt, bytes: words },
          },
  };
}

/** Hands over the entries of positions (after, end], in order, and tells how many there are. They are views: to be used before the next. */
export async function entriesWithin(
  sql: Sql,
  after: number,
  end: number,
  each: (entry: TrailEntry) => void,
): Promise<number> {
  let count = 0;
  await copyOut(
    sql,
    `select e.position, e.stream, e.version, e.type, e.actor, e.at, e.payload_digest, p.salt, p.bytes, p.words_salt, p.words
    from millwright.entries e left join millwright.payloads p
      on p.position = e.position and p.position > ${after} and p.position <= ${end}
    where e.position > ${after} and e.position <= ${end} order by e.position`,
    11,
    (row) => {
      count += 1;
      each(copied(row));
    },
  );
  return count;
}
