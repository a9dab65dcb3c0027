import { type KnownSecrets, secretValues } from '@millwright/domain';
import { expect, test } from 'vitest';
import { maskedBytes } from './known-secrets.ts';

const VALUE = 'correct/horse+0815';
const found = secretValues([{ name: 'TOKEN', value: VALUE }]);
const known: KnownSecrets = { now: async () => found, forget: () => undefined, mask: found.mask };

test.each([
  ['plain', VALUE],
  ['base64', Buffer.from(VALUE).toString('base64')],
  ['hex', Buffer.from(VALUE).toString('hex')],
  ['an address', encodeURIComponent(VALUE)],
])('%s in bytes is x, wherever it stands, and all else stays', async (_form, written) => {
  for (const at of [0, 262_144 - 5, 262_144, 700_000]) {
    const bytes = Buffer.alloc(800_000, 0xff);
    bytes.write(written, at);
    const masked = Buffer.from(await maskedBytes(bytes, known));
    expect(masked.length).toBe(bytes.length);
    expect(masked.includes(written.slice(4, -4))).toBe(false);
    expect(masked.subarray(0, at).equals(bytes.subarray(0, at))).toBe(true);
    expect(masked.subarray(at + written.length).equals(bytes.subarray(at + written.length))).toBe(true);
  }
});

test('bytes that hold none are the same', async () => {
  const bytes = Buffer.alloc(600_000, 'text ');
  expect(await maskedBytes(bytes, known)).toBe(bytes);
});
