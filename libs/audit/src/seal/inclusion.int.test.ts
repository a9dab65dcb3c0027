import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkInclusion, leafHash } from '../proof/index.ts';
import { type SealedTrail, sealedTrail } from '../testing/sealed.ts';
import { treeOf } from './proved.ts';

// Sizes with whole rows of the tree and without, on one stored level, on two, and on three.
const SIZES = [1, 15, 16, 17, 32, 255, 256, 273, 700, 4_096, 4_200];

let t: SealedTrail;
beforeAll(async () => {
  t = await sealedTrail({ debounceMs: 600_000 });
  let head = 0;
  for (const size of SIZES) {
    while (head < size) head = await t.fill(Math.min(900, size - head));
    await t.checkpoint();
  }
});
afterAll(() => t?.close());

const leafAt = async (position: number) => {
  const [entry] = await t.trail.readAt([position]);
  if (entry === undefined) throw new Error(`no entry ${position}`);
  return leafHash(entry.envelope);
};
const positionsUpTo = (size: number) =>
  [1, 2, 15, 16, 17, 31, 33, 250, 256, 257, 272, 512, 690, 4_090, 4_097].filter((p) => p < size).concat(size);

test.each(SIZES)(
  'every proof in the tree of %i entries holds under its checkpoint, and is that of a bundle',
  async (size) => {
    const checkpoint = await t.sealer.checkpointAt(size);
    if (checkpoint === null) throw new Error(`no checkpoint of ${size}`);
    const { root } = treeOf(checkpoint);
    for (const position of positionsUpTo(size)) {
      const { size: of, proof } = await t.prover.inclusion(position, size);
      expect(of).toBe(size);
      expect(checkInclusion(position - 1, size, await leafAt(position), proof, root)).toBe(true);
    }
  },
);

test('without a size it is that of the latest checkpoint, as in a bundle', async () => {
  for (const position of positionsUpTo(4_200)) {
    const { size, proof } = await t.prover.inclusion(position);
    const bundle = await t.prover.prove(position);
    expect(size).toBe(4_200);
    expect(proof.map((hash) => Buffer.from(hash).toString('base64'))).toEqual(bundle.entries[0]?.proof);
  }
});

test.each<[string, () => Promise<unknown>, object]>([
  ['no such entry', () => t.prover.inclusion(4_201), { code: 'no-entry' }],
  ['no checkpoint of that size', () => t.prover.inclusion(5, 9_999), { code: 'no-entry' }],
  ['a checkpoint before the entry', () => t.prover.inclusion(17, 16), { code: 'no-entry' }],
])('%s', async (_, ask, error) => {
  await expect(ask()).rejects.toMatchObject(error);
});

test('an entry that is not sealed yet, a changed one, a tree that lacks a row or has another: no proof', async () => {
  await t.sealer.stop();
  const head = await t.fill(1);
  await expect(t.prover.inclusion(head)).rejects.toMatchObject({
    code: 'unsealed',
    disposition: 'retryable',
  });
  await t.superuser(`update millwright.entries set actor = 'migrator' where position = 300`);
  await expect(t.prover.inclusion(300)).rejects.toMatchObject({ code: 'trail-tampered' });
  await t.superuser(
    `update millwright.tree set children = decode(repeat('00', 512), 'hex') where level = 4 and index = 0`,
  );
  await expect(t.prover.inclusion(3)).rejects.toMatchObject({ code: 'trail-tampered' });
  await t.superuser('delete from millwright.tree where level = 4 and index = 261');
  await expect(t.prover.inclusion(1_000)).rejects.toMatchObject({ code: 'trail-gap' });
});
