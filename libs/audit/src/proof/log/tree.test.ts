import { createHash, hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkConsistency,
  checkInclusion,
  consistencySpans,
  InclusionChecker,
  inclusionSpans,
  nodesOfSpans,
  proofOf,
} from './proofs.ts';
import { EMPTY_ROOT, GrowingTree, type Node } from './tree.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const leafOf = (data: Uint8Array) => createHash('sha256').update(Uint8Array.of(0)).update(data).digest();
const numbered = (n: number): Uint8Array[] =>
  Array.from({ length: n }, (_, i) => leafOf(Buffer.from(`leaf ${i}`)));

/** A tree of these leaves, with every complete node kept. */
function grown(leaves: readonly Uint8Array[]) {
  const nodes = new Map<string, Uint8Array>();
  const tree = new GrowingTree();
  const roots = [tree.root()];
  for (const leaf of leaves) {
    tree.append(leaf, (level, index, node) => {
      expect(nodes.has(`${level}/${index}`)).toBe(false);
      nodes.set(`${level}/${index}`, node);
    });
    roots.push(tree.root());
  }
  const hashOf = ({ level, index }: Node) => {
    const node = nodes.get(`${level}/${index}`);
    if (node === undefined) throw new Error(`no node ${level}/${index}`);
    return node;
  };
  return {
    tree,
    roots,
    inclusion: (index: number, size: number) => proofOf(inclusionSpans(index, size), hashOf),
    consistency: (from: number, to: number) => proofOf(consistencySpans(from, to), hashOf),
  };
}

/** RFC 6962 section 2.1, to the letter: what everything else is compared with. */
function mth(leaves: readonly Uint8Array[]): Uint8Array {
  const [only] = leaves;
  if (only === undefined) return createHash('sha256').digest();
  if (leaves.length === 1) return only;
  const k = 2 ** (Math.ceil(Math.log2(leaves.length)) - 1);
  const children = [mth(leaves.slice(0, k)), mth(leaves.slice(k))];
  return createHash('sha256').update(Uint8Array.of(1)).update(Buffer.concat(children)).digest();
}

describe('the vectors of Certificate Transparency', () => {
  // The eight inputs and the nine roots that the RFC 6962 implementations of the CT project have tested with since 2013.
  const inputs = [
    '',
    '00',
    '10',
    '2021',
    '3031',
    '40414243',
    '5051525354555657',
    '606162636465666768696a6b6c6d6e6f',
  ];
  const roots = [
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
    'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
    '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
    '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
    'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
    '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
  ];
  const leaves = inputs.map((input) => leafOf(Buffer.from(input, 'hex')));
  const ct = grown(leaves);

  test('roots of every size', () => {
    expect(ct.roots.map(hex)).toEqual(roots);
    expect(hex(EMPTY_ROOT)).toBe(roots[0]);
  });

  test.each([
    [0, 1, []],
    [
      0,
      8,
      [
        '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
      ],
    ],
    [
      5,
      8,
      [
        'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
        'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
        'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      ],
    ],
    [2, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']],
    [
      1,
      5,
      [
        '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      ],
    ],
  ])('inclusion of leaf %i in %i', (index, size, proof) => {
    expect(ct.inclusion(index, size).map(hex)).toEqual(proof);
    const leaf = leaves[index] ?? EMPTY_ROOT;
    const root = ct.roots[size] ?? EMPTY_ROOT;
    expect(
      checkInclusion(
        index,
        size,
        leaf,
        proof.map((h) => Buffer.from(h, 'hex')),
        root,
      ),
    ).toBe(true);
  });

  test.each([
    [1, 1, []],
    [
      1,
      8,
      [
        '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
      ],
    ],
    [
      6,
      8,
      [
        '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
        'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
        'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      ],
    ],
    [
      2,
      5,
      [
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      ],
    ],
    [
      6,
      7,
      [
        '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
        'b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f',
        'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      ],
    ],
  ])('consistency of %i and %i', (from, to, proof) => {
    expect(ct.consistency(from, to).map(hex)).toEqual(proof);
    const [a, b] = [ct.roots[from] ?? EMPTY_ROOT, ct.roots[to] ?? EMPTY_ROOT];
    expect(
      checkConsistency(
        from,
        to,
        a,
        b,
        proof.map((h) => Buffer.from(h, 'hex')),
      ),
    ).toBe(true);
  });
});

type Bytes = Uint8Array;
type Seven = [Bytes, Bytes, Bytes, Bytes, Bytes, Bytes, Bytes];

describe('the example of RFC 6962, section 2.1.3', () => {
  // Its tree of seven leaves d0…d6 with inner nodes a…l; what it writes as PATH and PROOF, by its letters.
  const leaves = numbered(7);
  const over = (...of: Uint8Array[]) => mth(of);
  const [a, b, c, d, e, f, j] = [0, 1, 2, 3, 4, 5, 6].map((i) => leaves[i] ?? EMPTY_ROOT) as Seven;
  const [g, h, i] = [over(a, b), over(c, d), over(e, f)];
  const [k, l] = [over(a, b, c, d), over(e, f, j)];
  const tree = grown(leaves);

  test('audit paths of d0, d3, d4 and d6', () => {
    expect(tree.inclusion(0, 7)).toEqual([b, h, l]);
    expect(tree.inclusion(3, 7)).toEqual([c, g, l]);
    expect(tree.inclusion(4, 7)).toEqual([f, j, k]);
    expect(tree.inclusion(6, 7)).toEqual([i, k]);
  });

  test('consistency proofs from 3, 4 and 6', () => {
    expect(tree.consistency(3, 7)).toEqual([c, d, g, l]);
    expect(tree.consistency(4, 7)).toEqual([l]);
    expect(tree.consistency(6, 7)).toEqual([i, j, k]);
  });
});

describe('properties', () => {
  const leaves = numbered(300);
  const big = grown(leaves);
  const size = fc.integer({ min: 1, max: 300 });
  const sizes = fc.tuple(size, size).map(([x, y]) => [Math.min(x, y), Math.max(x, y)] as const);
  const root = (n: number) => big.roots[n] ?? EMPTY_ROOT;
  const flip = (bytes: Uint8Array, bit: number) => {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return changed;
  };
  const bit = fc.integer({ min: 0, max: 255 });

  test('the incremental root is that of the definition, whatever the size', () => {
    for (const n of [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 100, 255, 256, 257, 300])
      expect(hex(root(n))).toBe(hex(mth(leaves.slice(0, n))));
  });

  test('many proofs against one root are judged as each by itself, whatever held or failed before', () => {
    const asked = fc.record({
      at: fc.nat(),
      as: fc.nat(),
      touched: fc.nat(),
      bit,
      spoil: fc.constantFrom('no', 'no', 'leaf', 'proof', 'shorter', 'longer', 'index'),
    });
    fc.assert(
      fc.property(size, fc.array(asked, { maxLength: 60 }), (n, all) => {
        const checker = new InclusionChecker(n, root(n));
        for (const one of all) {
          const at = one.at % n;
          const proof = big.inclusion(at, n);
          const touched = one.touched % Math.max(1, proof.length);
          const index = one.spoil === 'index' ? one.as % (n + 2) : at;
          const right = leaves[at] ?? EMPTY_ROOT;
          const leaf = one.spoil === 'leaf' ? flip(right, one.bit) : right;
          const given =
            one.spoil === 'proof'
              ? proof.map((p, i) => (i === touched ? flip(p, one.bit) : p))
              : one.spoil === 'shorter'
                ? proof.toSpliced(touched, 1)
                : one.spoil === 'longer'
                  ? [...proof, right]
                  : proof;
          expect(checker.check(index, leaf, given)).toBe(checkInclusion(index, n, leaf, given, root(n)));
        }
      }),
      { numRuns: 500 },
    );
  });

  test('every inclusion proof holds, is of logarithmic length, and for no other leaf, index, size, root or proof', () => {
    fc.assert(
      fc.property(size, fc.nat(), bit, fc.nat(), (n, at, flipped, which) => {
        const index = at % n;
        const leaf = leaves[index] ?? EMPTY_ROOT;
        const proof = big.inclusion(index, n);
        expect(proof.length).toBeLessThanOrEqual(Math.ceil(Math.log2(n)));
        expect(checkInclusion(index, n, leaf, proof, root(n))).toBe(true);
        expect(checkInclusion(index, n, flip(leaf, flipped), proof, root(n))).toBe(false);
        expect(checkInclusion(index, n, leaf, proof, flip(root(n), flipped))).toBe(false);
        expect(checkInclusion(index, n, leaf, [...proof, leaf], root(n))).toBe(false);
        const other = (index + 1 + (which % 299)) % 300;
        expect(checkInclusion(other, n, leaf, proof, root(n))).toBe(false);
        if (proof.length > 0) {
          const touched = which % proof.length;
          const changed = proof.map((p, i) => (i === touched ? flip(p, flipped) : p));
          expect(checkInclusion(index, n, leaf, changed, root(n))).toBe(false);
          expect(checkInclusion(index, n, leaf, proof.toSpliced(touched, 1), root(n))).toBe(false);
          expect(checkInclusion(index, n, leaf, proof.with(touched, Buffer.alloc(31)), root(n))).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('every consistency proof holds, and for no other roots, proof or history', () => {
    fc.assert(
      fc.property(sizes, bit, fc.nat(), ([from, to], flipped, which) => {
        const proof = big.consistency(from, to);
        expect(checkConsistency(from, to, root(from), root(to), proof)).toBe(true);
        expect(checkConsistency(from, to, flip(root(from), flipped), root(to), proof)).toBe(false);
        expect(checkConsistency(from, to, root(from), flip(root(to), flipped), proof)).toBe(false);
        expect(checkConsistency(from, to, root(from), root(to), [...proof, root(1)])).toBe(false);
        if (proof.length > 0) {
          const touched = which % proof.length;
          const changed = proof.map((p, i) => (i === touched ? flip(p, flipped) : p));
          expect(checkConsistency(from, to, root(from), root(to), changed)).toBe(false);
          expect(checkConsistency(from, to, root(from), root(to), proof.toSpliced(touched, 1))).toBe(false);
        }
        const rewritten = grown(leaves.with(which % from, EMPTY_ROOT).slice(0, to));
        const theirs = rewritten.roots[to] ?? EMPTY_ROOT;
        expect(checkConsistency(from, to, root(from), theirs, rewritten.consistency(from, to))).toBe(false);
      }),
      { numRuns: 100 },
    );
  });

  test('a tree resumed from its peaks grows as the whole one', () => {
    const half = new GrowingTree();
    for (const leaf of leaves.slice(0, 137)) half.append(leaf);
    const resumed = half.copy();
    for (const leaf of leaves.slice(137)) resumed.append(leaf);
    expect(hex(resumed.root())).toBe(hex(root(300)));
    expect(half.size).toBe(137);
    expect(() => new GrowingTree(3, [])).toThrow(RangeError);
  });

  test('bounds: beyond 2^32 the arithmetic still holds, and what is out of range is said', () => {
    const far = 2 ** 40 + 5;
    expect(inclusionSpans(far - 1, far)).toHaveLength(2);
    expect(nodesOfSpans(inclusionSpans(2 ** 40 - 1, far)).length).toBeLessThan(60);
    expect(() => inclusionSpans(3, 3)).toThrow(RangeError);
    expect(() => inclusionSpans(-1, 3)).toThrow(RangeError);
    expect(() => consistencySpans(4, 3)).toThrow(RangeError);
    expect(consistencySpans(0, 3)).toEqual([]);
    expect(checkInclusion(0.5, 3, root(1), [], root(1))).toBe(false);
    expect(checkConsistency(0, 3, EMPTY_ROOT, root(3), [])).toBe(true);
    expect(checkConsistency(0, 3, root(1), root(3), [])).toBe(false);
    expect(checkConsistency(3, 2, root(3), root(2), [])).toBe(false);
    expect(hex(EMPTY_ROOT)).toBe(hash('sha256', ''));
  });
});
