import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { cameFrom } from './signed.ts';

const secret = 'a secret of the tests';
const body = Buffer.from('{"version": "4",\n "groupKey": "g"}');
const sign = (bytes: Uint8Array, by = secret) =>
  `sha256=${createHmac('sha256', by).update(bytes).digest('hex')}`;
const right = sign(body);
const ask = (
  headers: { signature?: string; authorization?: string },
  bytes: Uint8Array = body,
  by: string | null = secret,
) => cameFrom(by, { signature: headers.signature, authorization: headers.authorization }, bytes);

test('the bytes as they came, signed, or the secret as a token', () => {
  expect(ask({ signature: right })).toBe(true);
  expect(ask({ authorization: `Bearer ${'x'.repeat(20)}` }, body, 'x'.repeat(20))).toBe(true);
});

test.each<[string, () => boolean]>([
  ['none', () => ask({})],
  ['of other bytes', () => ask({ signature: sign(Buffer.from('other')) })],
  [
    'of a body written again',
    () => ask({ signature: right }, Buffer.from(JSON.stringify(JSON.parse(body.toString())))),
  ],
  ['by another secret', () => ask({ signature: sign(body, 'another secret of theirs') })],
  ['cut short', () => ask({ signature: right.slice(0, 40) })],
  ['empty', () => ask({ signature: '' })],
  ['its scheme alone', () => ask({ signature: 'sha256=' })],
  ['in capitals', () => ask({ signature: right.toUpperCase() })],
  ['without its scheme', () => ask({ signature: right.slice(7) })],
  ['with more behind it', () => ask({ signature: `${right}00` })],
  [
    'a wrong one beside a right token',
    () =>
      ask(
        { signature: sign(body, 'y'.repeat(20)), authorization: `Bearer ${'x'.repeat(20)}` },
        body,
        'x'.repeat(20),
      ),
  ],
  ['a wrong token', () => ask({ authorization: `Bearer ${'y'.repeat(20)}` }, body, 'x'.repeat(20))],
  ['a token cut short', () => ask({ authorization: `Bearer ${'x'.repeat(19)}` }, body, 'x'.repeat(20))],
  ['no secret was set', () => ask({ signature: sign(body, '') }, body, null)],
  ['an empty secret', () => ask({ signature: sign(body, '') }, body, '')],
  ['a secret that is too short', () => ask({ signature: sign(body, 'short') }, body, 'short')],
])('refused: %s', (_name, asked) => {
  expect(asked()).toBe(false);
});
