import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sizeOf } from './size.ts';

test('any value has the size of its JSON, asked once or twice', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const block = { type: 'text', text: value, left: undefined };
      for (const one of [value, block, [block, block]]) {
        const bytes = Buffer.byteLength(JSON.stringify(one));
        expect([sizeOf(one), sizeOf(one)]).toEqual([bytes, bytes]);
      }
    }),
  );
});

test('a picture counts as what it may cost', () => {
  const picture = (data: string) => ({
    type: 'image',
    source: { type: 'base64', media_type: 'image/png', data },
  });
  expect(sizeOf(picture('x'.repeat(1_000_000)))).toBeLessThan(6_000);
  expect(sizeOf({ data: 'x'.repeat(1_000_000) })).toBeGreaterThan(1_000_000);
});
