import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prunable } from './retention.ts';

const image = (createdAt: number) => ({ createdAt });

test.each([
  ['fewer than the number', [1, 2], { images: 2, forMs: 0 }, 10, []],
  ['more than the number, and too old', [1, 2, 9], { images: 2, forMs: 5 }, 10, [1]],
  ['more than the number, and young', [7, 8, 9], { images: 1, forMs: 5 }, 10, []],
  ['exactly as old as is kept', [5, 9], { images: 1, forMs: 5 }, 10, [5]],
])('%s', (_name, created, retention, now, gone) => {
  expect(prunable(created.map(image), retention, now).map((one) => one.createdAt)).toEqual(gone);
});

test('the newest are kept whatever their age, and the young whatever their number', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1_000)), fc.nat(10), fc.nat(1_000), (created, images, forMs) => {
      const gone = prunable(created.map(image), { images, forMs }, 1_000);
      expect(created.length - gone.length).toBeGreaterThanOrEqual(Math.min(images, created.length));
      for (const { createdAt } of gone) {
        expect(1_000 - createdAt).toBeGreaterThanOrEqual(forMs);
        expect(created.filter((one) => one >= createdAt).length).toBeGreaterThan(images);
      }
    }),
  );
});
