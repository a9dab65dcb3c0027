import { terminal } from '@millwright/domain';
import { type Pool, reading, type Sql } from '../connect.ts';
import {
  type BundleEntry,
  checkPayload,
  checkRotation,
  levelOf,
  MAX_HEADER_BYTES,
  RANGE_FORMAT,
  rangeHeaderLine,
  rangeLine,
  rangeNodes,
  redactedBy,
  toBase64,
} from '../proof/index.ts';
import { payloadOf } from '../rows.ts';
import { rotationsOn } from './checkpoints.ts';
import { type EntryRow, entriesAfter } from './log.ts';
import { envelopeOf, hashesOf } from './nodes.ts';
import { items, latest, redactionRows, tampered, treeOf } from './proved.ts';

// A range of the trail, handed out line by line (../proof/range.ts). Each page is a statement of its own: a reader who is slow holds nothing open.

/** Entries, and bytes of payloads, of one page. */
const PAGE = { entries: 1_000, bytes: 4_194_304 };

export type WantedRange = {
  /** Entries after this position; 0 for all. */
  since: number;
  /** Up to this one. Default: up to the latest checkpoint. */
  until?: number | undefined;
};

type Begun = { header: string; until: number; said: ReadonlySet<number> };

async function begin(sql: Sql, wanted: WantedRange, vkey: string | null): Promise<Begun> {
  const { since } = wanted;
  const checkpoint = await latest(sql, wanted.until ?? since + 1);
  const { size, origin, root } = treeOf(checkpoint);
  const until = wanted.until ?? size;
  if (since >= until) throw terminal('no-entry', `there is no entry after ${since} and up to ${until}`);
  const level = levelOf(until - since);
  const nodes = rangeNodes({ since, until, level }, size);
  const hashOf = await hashesOf(sql, nodes, size);
  const said = new Set<number>();
  const later: EntryRow[] = [];
  for (const row of await redactionRows(sql, size)) {
    const position = redactedBy(envelopeOf(row), payloadOf(row));
    if (position === null) continue;
    said.add(position);
    const accounts =
      position > since && (position <= until || later.some((one) => one.position === position));
    if (row.position > until && accounts) later.push(row);
  }
  const redactions: BundleEntry[] = await items(sql, later, { size, root });
  const rotations = (await rotationsOn(sql)).filter((one) => checkRotation(one) !== null);
  const vkeys = [...rotations.flatMap(({ previous, next }) => [previous, next]), vkey].filter(
    (one) => one !== null,
  );
  const header = rangeHeaderLine({
    format: RANGE_FORMAT,
    v: 1,
    since,
    until,
    checkpoint: checkpoint.note,
    keys: vkeys.length === 0 ? {} : { [origin]: [...new Set(vkeys)] },
    rotations,
    level,
    nodes: nodes.map((node) => toBase64(hashOf(node))),
    redactions,
  });
  if (header.length > MAX_HEADER_BYTES)
    throw terminal(
      'too-large',
      `too many redactions came after entry ${until}: take a later end of the range`,
    );
  return { header, until, said };
}

function lineOf(row: EntryRow, said: ReadonlySet<number>): string {
  const [envelope, payload] = [envelopeOf(row), payloadOf(row)];
  const checked = checkPayload(envelope, payload);
  if (checked === 'missing' || checked === 'mismatch') throw tampered(row.position);
  if (checked === 'redacted' && !said.has(row.position))
    throw terminal(
      'unsealed',
      `the free text of entry ${row.position} is gone, and no sealed entry says why (yet)`,
    );
  return rangeLine(envelope, payload);
}

/**
 * The lines of a range, many at a time: the header first, which is there when this resolves. Throws as `Prover` does; and, from the generator, a
 * terminal 'unsealed' for a redaction that came in between.
 */
export async function exportRange(
  pool: Pool,
  wanted: WantedRange,
  vkey: string | null,
): Promise<AsyncGenerator<string, void>> {
  const { header, until, said } = await reading(pool, (sql) => begin(sql, wanted, vkey));
  return (async function* () {
    yield header;
    for (let after = wanted.since; after < until; ) {
      const entries = Math.min(PAGE.entries, until - after);
      const rows = await reading(pool, (sql) => entriesAfter(sql, after, { ...PAGE, entries }));
      for (const row of rows) {
        after += 1;
        if (row.position !== after) throw tampered(after);
      }
      if (rows.length === 0) throw tampered(after + 1);
      yield rows.map((row) => lineOf(row, said)).join('');
    }
  })();
}
