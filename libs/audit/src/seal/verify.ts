import { terminal } from '@millwright/domain';
import { textArray } from '../arrays.ts';
import { openPool, type Sql } from '../connect.ts';
import { parseVerifierKey, type TrailVerdict, TrailVerifier, type VerifierKey } from '../proof/index.ts';
import { payloadOf } from '../rows.ts';
import { checkpointsWithin, rotationsOn } from './checkpoints.ts';
import { entriesAfter } from './log.ts';
import { envelopeOf, RowMaker, STEP, type TreeRow, WIDTH } from './nodes.ts';

// The whole trail, read from its database as it is there, in one snapshot and in batches: memory does not grow with it.

/** Long enough for some hundred million entries. */
const DEADLINE_MS = 3_600_000;

/** What was sealed of entries (after, end], by the rows of the tree and by what lies beside checkpoints. */
async function feedSealed(sql: Sql, verifier: TrailVerifier, after: number, end: number): Promise<void> {
  const [full, checkpoints, beyond] = await Promise.all([
    sql<{ index: number; children: Uint8Array }[]>`
      select index, children from millwright.tree where level = ${STEP}
        and index between ${Math.floor(after / WIDTH)} and ${Math.floor((end - 1) / WIDTH)} order by index`,
    checkpointsWithin(sql, after, end),
    sql<{ size: number; tail: Uint8Array }[]>`
      select size, tail from millwright.checkpoints where size > ${end} order by size limit 1`,
  ]);
  const feed = (first: number, leaves: Uint8Array) => {
    for (let i = 0; i * 32 < leaves.length; i++)
      if (first + i > after && first + i <= end)
        verifier.sealedLeaf(first + i, leaves.subarray(32 * i, 32 * i + 32));
  };
  for (const { size, tail } of [...checkpoints, ...beyond]) feed(size - tail.length / 32 + 1, tail);
  for (const { index, children } of full) feed(index * WIDTH + 1, children);
  for (const { size, note } of checkpoints) verifier.checkpoint(size, note);
}

/** The stored rows above the leaves that are complete within (after, end]: few. Each must be the one that the entries make. */
async function firstBadRow(sql: Sql, made: readonly TreeRow[], sealed: number): Promise<TreeRow | null> {
  const wanted = made.filter((row) => (row.index + 1) * 2 ** row.level <= sealed);
  if (wanted.length === 0) return null;
  const literal = (rows: readonly TreeRow[]) => textArray(rows.map((row) => `${row.level}/${row.index}`));
  const rows = await sql<{ level: number; index: number; hash: Uint8Array; children: Uint8Array }[]>`
    select t.level, t.index, t.hash, t.children from (
      select split_part(k, '/', 1)::smallint as level, split_part(k, '/', 2)::bigint as index from unnest(${literal(wanted)}::text[]) as k
    ) as u join millwright.tree t using (level, index)`;
  const stored = new Map(rows.map((row) => [`${row.level}/${row.index}`, row]));
  const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;
  return (
    wanted.find((row) => {
      const found = stored.get(`${row.level}/${row.index}`);
      return found === undefined || !same(found.hash, row.hash) || !same(found.children, row.children);
    }) ?? null
  );
}

/** Versions go on in each stream: looked at where no hash is sealed yet. The first position where they do not. */
async function firstBadVersion(sql: Sql, sealed: number): Promise<number | null> {
  const [row] = await sql<{ position: number }[]>`
    select min(e.position) as position from millwright.entries e
    where e.position > ${sealed} and e.version <> 1 + coalesce(
      (select max(b.version) from millwright.entries b where b.stream = e.stream and b.position < e.position), 0)
    having min(e.position) is not null`;
  return row?.position ?? null;
}

async function readThrough(
  sql: Sql,
  options: VerifyOptions,
  keys: readonly VerifierKey[],
): Promise<TrailVerdict> {
  const maker = new RowMaker();
  let made: TreeRow[] = [];
  const verifier = new TrailVerifier({
    keys,
    rotations: await rotationsOn(sql),
    earlier: options.earlier ?? [],
    completed: (level, index, hash) => {
      const row = maker.completed(level, index, hash);
      if (row !== null) made.push(row);
    },
  });
  const [{ sealed, head }] = await sql<[{ sealed: number; head: number }]>`
    select (select coalesce(max(size), 0) from millwright.checkpoints) as sealed,
      (select coalesce(max(position), 0) from millwright.entries) as head`;
  let after = 0;
  let pending = entriesAfter(sql, after);
  while (!verifier.done) {
    const rows = await pending;
    const last = rows.at(-1);
    if (last === undefined) break;
    await feedSealed(sql, verifier, after, last.position);
    pending = entriesAfter(sql, last.position); // on its way while these are hashed
    for (const row of rows) verifier.entry({ envelope: envelopeOf(row), payload: payloadOf(row) });
    const bad = await firstBadRow(sql, made, sealed);
    if (bad !== null) verifier.badNode(bad.index * 2 ** bad.level + 1, (bad.index + 1) * 2 ** bad.level);
    made = [];
    after = last.position;
    options.onProgress?.(after, head);
  }
  await pending;
  if (sealed > head) verifier.checkpoint(sealed, ''); // it will not be reached: that it is there is what it says
  const verdict = verifier.finish();
  if (verdict.integrity.kind !== 'ok') return verdict;
  const version = await firstBadVersion(sql, verdict.sealed);
  if (version === null) return verdict;
  const reason = `the version of entry ${version} does not follow the one before it in its stream`;
  return {
    ...verdict,
    integrity: { kind: 'tampered', position: version, through: version, code: 'version', reason },
  };
}

export type VerifyOptions = {
  /** A role that may read the trail: orchestrator. */
  url: string;
  /** Verifier keys that are trusted: the log's, and witnesses'. */
  vkeys: readonly string[];
  /** Signed checkpoints (notes) kept from before, or had from a witness: the trail must be one that begins with them. */
  earlier?: readonly string[];
  onProgress?: (position: number, head: number) => void;
};

/**
 * Verifies every entry, payload, stored node and checkpoint of the database, in one snapshot. The verdict names the first bad position.
 * Throws only for a database that cannot be read ('trail-unreachable', 'trail-forbidden') and a terminal 'bad-key' for what is no key.
 */
export async function verifyTrail(options: VerifyOptions): Promise<TrailVerdict> {
  const keys = options.vkeys.map((vkey) => {
    const key = parseVerifierKey(vkey);
    if (key === null) throw terminal('bad-key', `this is not a verifier key: ${vkey}`);
    return key;
  });
  const pool = openPool(options.url, { max: 1, deadlineMs: DEADLINE_MS });
  try {
    return await pool.use(
      (sql) =>
        sql.begin('isolation level repeatable read read only', (tx) =>
          readThrough(tx as unknown as Sql, options, keys),
        ) as Promise<TrailVerdict>,
    );
  } finally {
    await pool.close();
  }
}
