import { terminal } from '@millwright/domain';
import type { Sql } from '../connect.ts';
import { checkInclusion, inclusionSpans, leafHash, proofOf } from '../proof/index.ts';
import { type EnvelopeRow, envelopeOf, keyOf, nodesFrom, STEP, slices, WIDTH } from './nodes.ts';
import { tampered, treeOf, unsealed } from './proved.ts';

// One proof in one round trip, which is most of what a proof costs. Which rows of the tree it needs is not known before the checkpoint's size is,
// so the statement finds them itself:
//   path   the row above the leaf on each stored level, as far up as they are complete
//   edge   on each stored level, the complete nodes after its last complete row
//   tail   the leaves after the last complete row, which the checkpoint has

type Found = EnvelopeRow & {
  /** Null where there is no checkpoint: then the rest is too. */
  size: number;
  note: string;
  path: Uint8Array | null;
  edge: Uint8Array | null;
  tail: Uint8Array;
};

/** By key, every node that the statement found. */
function nodesIn({ position, size, path, edge, tail }: Found): Map<string, Uint8Array> {
  const nodes = new Map<string, Uint8Array>();
  const add = (level: number, first: number, hashes: readonly Uint8Array[]) => {
    for (const [i, hash] of hashes.entries()) nodes.set(keyOf(level, first + i), hash);
  };
  const above = slices(path ?? new Uint8Array());
  for (let i = 0; i < above.length / WIDTH; i += 1) {
    const index = Math.floor((position - 1) / 2 ** (STEP * (i + 1)));
    add(STEP * i, index * WIDTH, above.slice(i * WIDTH, (i + 1) * WIDTH));
  }
  const after = [...slices(tail), ...slices(edge ?? new Uint8Array())];
  let at = 0;
  for (let level = 0; 2 ** level <= size; level += STEP) {
    const complete = Math.floor(size / 2 ** level);
    const count = complete % WIDTH;
    add(level, complete - count, after.slice(at, at + count));
    at += count;
  }
  if (at !== after.length) throw terminal('trail-gap', `the stored tree of ${size} entries has another edge`);
  return nodes;
}

/**
 * Hashes from the sibling of this entry's leaf up, in the tree of `size` (default: of the latest checkpoint), checked against that checkpoint's
 * root. O(log size) rows are read. Throws a terminal 'no-entry' without that entry or checkpoint, 'trail-tampered', 'trail-gap'; retryable 'unsealed'.
 */
export async function inclusionOf(
  sql: Sql,
  position: number,
  size: number | null,
): Promise<{ size: number; proof: Uint8Array[] }> {
  // STEP and WIDTH as they are written here are known to the planner: as parameters they made it plan anew for each proof, half of the server's time.
  const [found] = await sql<Found[]>`
    select e.position, e.stream, e.version, e.type, e.actor, e.at, e.payload_digest, c.size, c.note, c.tail,
      (select string_agg(t.children, '' order by l.level) from generate_series(4, 52, 4) as l(level)
        cross join lateral (
          select children from millwright.tree where level = l.level::smallint and index = (e.position - 1) >> l.level limit 1
        ) as t where c.size >> l.level > 0) as path,
      (select string_agg(t.hash, '' order by l.level, t.index) from generate_series(4, 52, 4) as l(level)
        cross join lateral (
          select index, hash from millwright.tree
          where level = l.level::smallint and index >= ((c.size >> (l.level + 4)) << 4) and index < (c.size >> l.level)
          order by index limit 16
        ) as t where c.size >> l.level > 0) as edge
    from millwright.entries e left join lateral (
      select size, note, tail from millwright.checkpoints where size <= coalesce(${size}, 9223372036854775807) order by size desc limit 1
    ) as c on true
    where e.position = ${position}`;
  if (found === undefined) throw terminal('no-entry', `the trail has no entry ${position}`);
  const covered = (found.size ?? 0) >= position;
  if (size === null && !covered) throw unsealed(position);
  if (size !== null && !(covered && found.size === size))
    throw terminal('no-entry', `there is no checkpoint of ${size} entries that covers entry ${position}`);
  const tree = treeOf({ ...found, at: 0 });
  const spans = inclusionSpans(position - 1, tree.size);
  const proof = proofOf(spans, nodesFrom(nodesIn(found)));
  if (!checkInclusion(position - 1, tree.size, leafHash(envelopeOf(found)), proof, tree.root))
    throw tampered(position);
  return { size: tree.size, proof };
}
