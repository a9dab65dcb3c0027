import { Buffer } from '#platform';
import { fold, type Node, nodeHash, nodesOf } from './tree.ts';

// Inclusion and consistency proofs, RFC 6962 sections 2.1.1 and 2.1.2; checked by the algorithms of RFC 9162 sections 2.1.3.2 and
// 2.1.4.2. Sizes and indices are whole numbers up to 2^53 - 1, so halving is by arithmetic, not by bits.

/** The leaves [start, end) whose root is one hash of a proof. */
export type Span = { start: number; end: number };

const whole = (n: number): boolean => Number.isSafeInteger(n) && n >= 0;
const odd = (n: number): boolean => n % 2 === 1;
const half = (n: number): number => Math.floor(n / 2);

/** The largest power of two below n, for n ≥ 2. */
function split(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

/** PATH(index, D[size]), sibling of the leaf first. Throws a RangeError unless 0 ≤ index < size. */
export function inclusionSpans(index: number, size: number): Span[] {
  if (!whole(index) || !whole(size) || index >= size)
    throw new RangeError(`a tree of ${size} leaves has no leaf ${index}`);
  const spans: Span[] = [];
  let start = 0;
  let end = size;
  while (end - start > 1) {
    const middle = start + split(end - start);
    if (index < middle) {
      spans.push({ start: middle, end });
      end = middle;
    } else {
      spans.push({ start, end: middle });
      start = middle;
    }
  }
  return spans.reverse();
}

/** PROOF(from, D[to]). Nothing for from 0 and for from = to. Throws a RangeError unless 0 ≤ from ≤ to. */
export function consistencySpans(from: number, to: number): Span[] {
  if (!whole(from) || !whole(to) || from > to)
    throw new RangeError(`a tree of ${to} leaves has no earlier one of ${from}`);
  if (from === 0) return [];
  const spans: Span[] = [];
  let start = 0;
  let end = to;
  let known = true; // whether [start, from) is a tree whose root the verifier already has
  while (from < end) {
    const middle = start + split(end - start);
    if (from <= middle) {
      spans.push({ start: middle, end });
      end = middle;
    } else {
      spans.push({ start, end: middle });
      start = middle;
      known = false;
    }
  }
  if (!known) spans.push({ start, end });
  return spans.reverse();
}

/** The complete nodes that proofs over these spans need. */
export const nodesOfSpans = (spans: readonly Span[]): Node[] =>
  spans.flatMap(({ start, end }) => nodesOf(start, end));

/** The hashes of a proof, from the complete nodes that `nodesOfSpans` asks for. */
export function proofOf(spans: readonly Span[], hashOf: (node: Node) => Uint8Array): Uint8Array[] {
  return spans.map(({ start, end }) => fold(nodesOf(start, end).map(hashOf)));
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === 32 && Buffer.compare(a, b) === 0;

/** Whether `proof` shows that `leaf` is the leaf `index` of the tree of `size` leaves with this root. */
export function checkInclusion(
  index: number,
  size: number,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  if (!whole(index) || !whole(size) || index >= size || leaf.length !== 32) return false;
  let fn = index;
  let sn = size - 1;
  let r = leaf;
  for (const p of proof) {
    if (sn === 0 || p.length !== 32) return false;
    if (odd(fn) || fn === sn) {
      r = nodeHash(p, r);
      while (!odd(fn) && fn !== 0) {
        fn = half(fn);
        sn = half(sn);
      }
    } else r = nodeHash(r, p);
    fn = half(fn);
    sn = half(sn);
  }
  return sn === 0 && same(r, root);
}

/**
 * Checks many inclusion proofs against one root, each as `checkInclusion` does. What a proof that held has shown is kept (two hashes an entry),
 * and later ones are hashed only up to the first node that is known: about two hashes each where entries lie side by side, not log n.
 */
export class InclusionChecker {
  readonly #size: number;
  readonly #root: Uint8Array;
  /** By level, then by index in it: nodes that are in the tree. With a node, all siblings above it are there too. */
  readonly #known: Map<number, Uint8Array>[] = [];

  constructor(size: number, root: Uint8Array) {
    this.#size = size;
    this.#root = root;
  }

  check(index: number, leaf: Uint8Array, proof: readonly Uint8Array[]): boolean {
    if (!whole(index) || !whole(this.#size) || index >= this.#size || leaf.length !== 32) return false;
    let [fn, sn, level, r] = [index, this.#size - 1, 0, leaf];
    let known = false;
    const seen: { level: number; index: number; hash: Uint8Array }[] = [];
    for (const p of proof) {
      if (sn === 0 || p.length !== 32) return false;
      // The last node of a level without a sibling stands for itself on the next.
      for (; fn === sn && !odd(fn); level += 1) [fn, sn] = [half(fn), half(sn)];
      const sibling = odd(fn) ? fn - 1 : fn + 1;
      const there: Uint8Array | undefined = known ? undefined : this.#known[level]?.get(fn);
      if (there !== undefined && !same(r, there)) return false;
      known ||= there !== undefined;
      if (known) {
        const kept = this.#known[level]?.get(sibling);
        if (kept === undefined || !same(p, kept)) return false;
      } else {
        seen.push({ level, index: fn, hash: r }, { level, index: sibling, hash: p });
        r = odd(fn) ? nodeHash(p, r) : nodeHash(r, p);
      }
      [fn, sn, level] = [half(fn), half(sn), level + 1];
    }
    if (sn !== 0 || !(known || same(r, this.#root))) return false;
    for (const node of seen) {
      this.#known[node.level] ??= new Map();
      this.#known[node.level]?.set(node.index, node.hash);
    }
    return true;
  }
}

/** Whether `proof` shows that the tree (from, fromRoot) is the beginning of the tree (to, toRoot). Everything begins with the empty tree. */
export function checkConsistency(
  from: number,
  to: number,
  fromRoot: Uint8Array,
  toRoot: Uint8Array,
  proof: readonly Uint8Array[],
): boolean {
  if (!whole(from) || !whole(to) || from > to || proof.some((p) => p.length !== 32)) return false;
  if (from === to) return proof.length === 0 && same(fromRoot, toRoot);
  if (from === 0) return proof.length === 0 && same(fromRoot, fold([]));
  let fn = from - 1;
  let sn = to - 1;
  while (odd(fn)) {
    fn = half(fn);
    sn = half(sn);
  }
  const [first, ...rest] = fn === 0 ? [fromRoot, ...proof] : proof;
  if (first === undefined || first.length !== 32) return false;
  let fr = first;
  let sr = first;
  for (const c of rest) {
    if (sn === 0) return false;
    if (odd(fn) || fn === sn) {
      fr = nodeHash(c, fr);
      sr = nodeHash(c, sr);
      while (!odd(fn) && fn !== 0) {
        fn = half(fn);
        sn = half(sn);
      }
    } else sr = nodeHash(sr, c);
    fn = half(fn);
    sn = half(sn);
  }
  return sn === 0 && same(fr, fromRoot) && same(sr, toRoot);
}
