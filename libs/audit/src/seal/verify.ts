import { numberArray } from '@millwright/database';
import { terminal } from '@millwright/domain';
import { openPool, type Sql, transaction } from '../connect.ts';
import { parseVerifierKey, type TrailVerdict, TrailVerifier, type VerifierKey } from '../proof/index.ts';
import { payloadOf } from '../rows.ts';
import { checkpointsWithin, rotationsOn } from './checkpoints.ts';
import { entriesAfter, entriesWithin } from './log.ts';
import { envelopeOf, RowMaker, STEP, type TreeRow, WIDTH } from './nodes.ts';

// The whole trail, read from its database as it is there, in one snapshot and in batches: memory does not grow with it.

/** Long enough for some hundred million entries. */
const DEADLINE_MS = 3_600_000;

/** Entries whose sealed hashes are kept at a time. */
const WINDOW = 8_192;

const nameOf = ({ level, index }: { level: number; index: number }) => `${level}/${index}`;

/** What was sealed of entries (after, end]: said to the verifier, by the rows of the tree that end there and by what lies beside checkpoints. */
async function feedSealed(
  sql: Sql,
  verifier: TrailVerifier,
  after: number,
  end: number,
): Promise<Map<string, TreeRow>> {
  const ends = Array.from({ length: 13 }, (_, i) => (i + 1) * STEP).map((level) => ({
    level,
    first: Math.floor(after / 2 ** level),
    last: Math.floor(end / 2 ** level) - 1,
  }));
  const [rows, checkpoints, beyond] = await Promise.all([
    sql<TreeRow[]>`
      select t.level, t.index, t.hash, t.children from unnest(${numberArray(ends.map(({ level }) => level))}::smallint[],
        ${numberArray(ends.map(({ first }) => first))}::bigint[], ${numberArray(ends.map(({ last }) => last))}::bigint[]
      ) as u(level, first, last) cross join lateral (
        select * from millwright.tree where level = u.level and index between u.first and u.last offset 0 -- else the whole tree is read
      ) as t`,
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
  for (const { level, index, children } of rows) if (level === STEP) feed(index * WIDTH + 1, children);
  for (const { size, note } of checkpoints) verifier.checkpoint(size, note);
  return new Map(rows.map((row) => [nameOf(row), row]));
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
  const [{ sealed, head }] = await sql<[{ sealed: number; head: number }]>`
    select (select coalesce(max(size), 0) from millwright.checkpoints) as sealed,
      (select coalesce(max(position), 0) from millwright.entries) as head`;
  const maker = new RowMaker();
  let stored = new Map<string, TreeRow>();
  const bad: TreeRow[] = [];
  const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;
  const verifier = new TrailVerifier({
    keys,
    rotations: await rotationsOn(sql),
    earlier: options.earlier ?? [],
    completed: (level, index, hash) => {
      const row = maker.completed(level, index, hash);
      if (row === null || bad.length > 0 || (index + 1) * 2 ** level > sealed) return;
      const found = stored.get(nameOf(row));
      if (found === undefined || !same(found.hash, hash) || !same(found.children, row.children))
        bad.push(row);
    },
  });
  const { window = WINDOW } = options;
  for (let after = 0; !verifier.done; after += window) {
    stored = await feedSealed(sql, verifier, after, after + window);
    const count = await entriesWithin(sql, after, after + window, (entry) => verifier.entry(entry));
    for (const { level, index } of bad) verifier.badNode(index * 2 ** level + 1, (index + 1) * 2 ** level);
    options.onProgress?.(after + count, head);
    if (count === window) continue;
    // Positions are dense, so this is the end, or a gap that somebody made: then what comes after it tells.
    const [next] = await entriesAfter(sql, after + count, { entries: 1 });
    if (next === undefined) break;
    verifier.entry({ envelope: envelopeOf(next), payload: payloadOf(next) });
  }
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
  /** Entries read at a time, a multiple of 16. Default 8,192. */
  window?: number;
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
    return await pool.use((sql) =>
      transaction(sql, 'isolation level repeatable read read only', (tx) =>
        readThrough(tx as unknown as Sql, options, keys),
      ),
    );
  } finally {
    await pool.close();
  }
}
