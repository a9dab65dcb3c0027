import { Buffer } from '#platform';
import { sha256 } from '../sha256.ts';

// The Merkle tree of RFC 6962, section 2.1. Leaves and indices count from 0: the entry at position p is leaf p - 1. A *complete node*
// (level, index) is the root of the 2^level leaves from index * 2^level on; it never changes once its last leaf is there.

/** SHA-256 of nothing: the root of the empty tree. */
export const EMPTY_ROOT: Uint8Array = sha256('');

/** Reused by every call: hashing is synchronous. */
const pair = Buffer.alloc(65);
pair[0] = 1;

/** SHA-256(0x01 ‖ left ‖ right). Both are 32 bytes. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  pair.set(left, 1);
  pair.set(right, 33);
  return sha256(pair);
}

export type Node = { level: number; index: number };

/** The complete nodes, of level `highest` at most, that are the leaves [start, end), in order. Without that bound, folded from the right, they make its root. */
export function nodesOf(start: number, end: number, highest = Number.POSITIVE_INFINITY): Node[] {
  const nodes: Node[] = [];
  let at = start;
  while (at < end) {
    let level = 0;
    let width = 1;
    while (level < highest && at % (width * 2) === 0 && at + width * 2 <= end) {
      width *= 2;
      level += 1;
    }
    nodes.push({ level, index: at / width });
    at += width;
  }
  return nodes;
}

/** The root over complete nodes as `nodesOf` lists them. */
export function fold(hashes: readonly Uint8Array[]): Uint8Array {
  const [last, ...others] = hashes.toReversed();
  if (last === undefined) return EMPTY_ROOT;
  return others.reduce((root, left) => nodeHash(left, root), last);
}

/**
 * A tree that grows leaf by leaf and keeps O(log size) hashes: the complete nodes of [0, size). `peaks` given must be those of `size`,
 * largest first. Each append hands every node that it completes, leaf included, to `completed`.
 */
export class GrowingTree {
  #size: number;
  readonly #peaks: Uint8Array[];

  constructor(size = 0, peaks: readonly Uint8Array[] = []) {
    if (peaks.length !== nodesOf(0, size).length)
      throw new RangeError(`a tree of ${size} leaves has other peaks`);
    this.#size = size;
    this.#peaks = [...peaks];
  }

  get size(): number {
    return this.#size;
  }

  append(leaf: Uint8Array, completed?: (level: number, index: number, hash: Uint8Array) => void): void {
    this.appendNode(0, leaf, completed);
  }

  /** Appends the 2^level leaves of a complete node, known by its hash. Throws a RangeError where none of that level begins. */
  appendNode(
    level: number,
    hash: Uint8Array,
    completed?: (level: number, index: number, hash: Uint8Array) => void,
  ): void {
    const width = 2 ** level;
    if (this.#size % width !== 0) throw new RangeError(`no node of level ${level} begins at ${this.#size}`);
    let index = this.#size / width;
    let node = hash;
    completed?.(level, index, node);
    for (; index % 2 === 1; index = (index - 1) / 2) {
      const left = this.#peaks.pop();
      if (left === undefined) throw new RangeError('a peak is missing');
      node = nodeHash(left, node);
      level += 1;
      completed?.(level, (index - 1) / 2, node);
    }
    this.#peaks.push(node);
    this.#size += width;
  }

  root(): Uint8Array {
    return fold(this.#peaks);
  }

  copy(): GrowingTree {
    return new GrowingTree(this.#size, this.#peaks);
  }
}
