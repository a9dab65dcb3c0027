import { numberArray } from '@millwright/database';
import { type Digest, type Envelope, terminal } from '@millwright/domain';
import type { Sql } from '../connect.ts';
import { fold, GrowingTree, leafHash, type Node, nodeHash, nodesOf } from '../proof/index.ts';

// The stored tree. Rows are complete nodes of every fourth level, each with the sixteen nodes below it (0002-seal.sql), so any
// complete node is in one row, or on the right edge: there the rows of the level below, or the entries themselves, make it.

/** Levels in a row. */
export const STEP = 4;
/** Nodes below a row. */
export const WIDTH = 16;

export type EnvelopeRow = {
  position: number;
  stream: string;
  version: number;
  type: string;
  actor: string;
  at: number;
  payload_digest: Uint8Array;
};

/** As it is stored, unparsed: a verifier hashes what is there. */
export function envelopeOf(row: EnvelopeRow): Envelope {
  const { position, stream, version, type, actor, at } = row;
  const payloadDigest = `sha256:${Buffer.from(row.payload_digest).toString('hex')}` as Digest;
  return {
    v: 1,
    position,
    stream: stream as Envelope['stream'],
    version,
    type,
    actor: actor as Envelope['actor'],
    at,
    payloadDigest,
  };
}

/** Up to `limit` entries after a position. Throws a terminal 'trail-gap' where one is missing. */
async function envelopesAfter(sql: Sql, after: number, limit: number): Promise<Envelope[]> {
  const rows = await sql<EnvelopeRow[]>`
    select position, stream, version, type, actor, at, payload_digest from millwright.entries
    where position > ${after} order by position limit ${limit}`;
  return rows.map((row, i) => {
    if (row.position !== after + i + 1) throw terminal('trail-gap', `entry ${after + i + 1} is missing`);
    return envelopeOf(row);
  });
}

export const slices = (bytes: Uint8Array): Uint8Array[] =>
  Array.from({ length: bytes.length / 32 }, (_, i) => bytes.subarray(32 * i, 32 * i + 32));

/**
 * The leaves of up to `limit` entries after a position, hashed where they lie: half the processor time of reading them and hashing them here,
 * and a fifth of this process's.
 * This is leafHash (proof/entry.ts) once more, in a form that holds because no stream, type or actor has a character that JSON escapes; an
 * entry of which a superuser made another gets a leaf that no verifier finds right. Throws a terminal 'trail-gap' where one is missing.
 */
export async function leavesAfter(sql: Sql, after: number, limit: number): Promise<Uint8Array[]> {
  const [found] = await sql<[{ last: number | null; leaves: Uint8Array | null }]>`
    select max(position) as last, string_agg(sha256('\\x00'::bytea || convert_to(
      '{"actor":"' || actor || '","at":' || at || ',"payloadDigest":"sha256:' || encode(payload_digest, 'hex') || '","position":' || position
      || ',"stream":"' || stream || '","type":"' || type || '","v":1,"version":' || version || '}', 'UTF8')), '' order by position) as leaves
    from (
      select * from millwright.entries where position > ${after} order by position limit ${limit}
    ) as entry`;
  const leaves = slices(found.leaves ?? new Uint8Array());
  if (found.last !== null && found.last !== after + leaves.length) await envelopesAfter(sql, after, limit);
  return leaves;
}

/** A group: the sixteen nodes of level `base` from `index` * 16 on. */
type Group = { base: number; index: number };
export const keyOf = (level: number, index: number) => `${level}/${index}`;

function groupOf({ level, index }: Node): Group {
  const base = level - (level % STEP);
  return { base, index: Math.floor((index * 2 ** (level - base)) / WIDTH) };
}

async function load(sql: Sql, groups: readonly Group[], size: number): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  const isWhole = (g: Group) => (g.index + 1) * WIDTH * 2 ** g.base <= size;
  const whole = groups.filter(isWhole);
  const edge = groups.filter((g) => !isWhole(g));
  const leaves = edge.find((g) => g.base === 0);
  // Of a group on the edge, the nodes that are complete.
  const inner = edge.flatMap((g) => {
    const first = g.index * WIDTH;
    const count = g.base === 0 ? 0 : Math.min(WIDTH, Math.floor(size / 2 ** g.base) - first);
    return Array.from({ length: count }, (_, i) => ({ level: g.base, index: first + i }));
  });
  const rowsAt = (nodes: readonly Node[]) => sql`
    unnest(${numberArray(nodes.map((node) => node.level))}::smallint[], ${numberArray(nodes.map((node) => node.index))}::bigint[]) as u(level, index)
    cross join lateral (select * from millwright.tree where level = u.level and index = u.index limit 1) as t`; // never the whole tree
  const [rows, entries] = await Promise.all([
    // One statement for both: round trips are what proofs cost.
    sql<{ level: number; first: number; hashes: Uint8Array }[]>`
      select t.level - ${STEP} as level, t.index * ${WIDTH} as first, t.children as hashes
      from ${rowsAt(whole.map((g) => ({ level: g.base + STEP, index: g.index })))}
      union all select t.level, t.index, t.hash from ${rowsAt(inner)}`,
    leaves === undefined
      ? []
      : envelopesAfter(sql, leaves.index * WIDTH, Math.min(WIDTH, size - leaves.index * WIDTH)),
  ]);
  for (const { level, first, hashes } of rows)
    for (const [i, hash] of slices(hashes).entries()) found.set(keyOf(level, first + i), hash);
  for (const envelope of entries) found.set(keyOf(0, envelope.position - 1), leafHash(envelope));
  return found;
}

/** The hash of each of these complete nodes of a tree of `size` leaves: O(log size) rows. Throws a terminal 'trail-gap' where one is not stored. */
export async function hashesOf(
  sql: Sql,
  nodes: readonly Node[],
  size: number,
): Promise<(node: Node) => Uint8Array> {
  const groups = new Map(
    nodes.map((node) => [keyOf(groupOf(node).base, groupOf(node).index), groupOf(node)]),
  );
  return nodesFrom(await load(sql, [...groups.values()], size));
}

/** The hash of any node of which all are there, or of which nodes below are. Throws a terminal 'trail-gap' for any other. */
export function nodesFrom(found: ReadonlyMap<string, Uint8Array>): (node: Node) => Uint8Array {
  const hashOf = ({ level, index }: Node): Uint8Array => {
    const stored = found.get(keyOf(level, index));
    if (stored !== undefined) return stored;
    if (level % STEP === 0) throw terminal('trail-gap', `the stored tree lacks node ${level}/${index}`);
    return nodeHash(
      hashOf({ level: level - 1, index: 2 * index }),
      hashOf({ level: level - 1, index: 2 * index + 1 }),
    );
  };
  return hashOf;
}

/** The root over the first `size` entries, from what is stored. */
export async function rootAt(sql: Sql, size: number): Promise<Uint8Array> {
  const nodes = nodesOf(0, size);
  const hashOf = await hashesOf(sql, nodes, size);
  return fold(nodes.map(hashOf));
}

export type TreeRow = { level: number; index: number; hash: Uint8Array; children: Uint8Array };

/** Makes rows of complete nodes, told in the order in which a growing tree completes them. */
export class RowMaker {
  /** Of every fourth level, the nodes of its last group, while that is not full. */
  readonly #groups: Map<number, Uint8Array[]>;

  constructor(groups: Map<number, Uint8Array[]> = new Map()) {
    this.#groups = groups;
  }

  /** The row that this node completes, if it does. */
  completed(level: number, index: number, hash: Uint8Array): TreeRow | null {
    if (level % STEP !== 0) return null;
    const group = this.#groups.get(level);
    if (group === undefined) this.#groups.set(level, [hash]);
    else group.push(hash);
    if (level === 0) return null;
    const children = Buffer.concat(this.#groups.get(level - STEP) ?? []);
    this.#groups.delete(level - STEP);
    return { level, index, hash, children };
  }

  /** The hashes of the leaves after the last full group, in one. */
  tail(): Uint8Array {
    return Buffer.concat(this.#groups.get(0) ?? []);
  }
}

/** A tree that grows, and makes the rows that are to be stored. */
export class StoredTree {
  readonly #tree: GrowingTree;
  readonly #rows: RowMaker;

  constructor(tree: GrowingTree, rows: RowMaker) {
    this.#tree = tree;
    this.#rows = rows;
  }

  get size(): number {
    return this.#tree.size;
  }

  root(): Uint8Array {
    return this.#tree.root();
  }

  tail(): Uint8Array {
    return this.#rows.tail();
  }

  /** Appends a leaf, and hands over the rows that it completes. */
  append(leaf: Uint8Array, made: (row: TreeRow) => void): void {
    this.#tree.append(leaf, (level, index, hash) => {
      const row = this.#rows.completed(level, index, hash);
      if (row !== null) made(row);
    });
  }
}

/** The stored tree of `size` leaves, ready to grow. */
export async function resumeTree(sql: Sql, size: number): Promise<StoredTree> {
  const peaks = nodesOf(0, size);
  const edges: Node[] = [];
  for (let level = 0; 2 ** level <= size; level += STEP) {
    const count = Math.floor(size / 2 ** level);
    for (let index = count - (count % WIDTH); index < count; index++) edges.push({ level, index });
  }
  const hashOf = await hashesOf(sql, [...peaks, ...edges], size);
  const groups = new Map<number, Uint8Array[]>();
  for (const node of edges) groups.set(node.level, [...(groups.get(node.level) ?? []), hashOf(node)]);
  return new StoredTree(new GrowingTree(size, peaks.map(hashOf)), new RowMaker(groups));
}
