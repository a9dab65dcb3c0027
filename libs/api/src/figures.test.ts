import { expect, it } from 'vitest';
import { ago, duration, short } from './figures.ts';

it.each([
  [0, '0 ms'],
  [999, '999 ms'],
  [820, '820 ms'],
  [3_140, '3.1 s'],
  [3_149, '3.1 s'],
  [42_400, '42 s'],
  [42_900, '42 s'],
  [187_000, '3:07'],
  [7_509_000, '2:05:09'],
])('writes %i ms as %s', (ms, text) => expect(duration(ms)).toBe(text));

it('tells what was from what will be', () => {
  expect([ago(0, 300_000), ago(300_000, 0), ago(7_200_000 * 30, 0), ago(10_000, 0), ago(0, 10_000)]).toEqual([
    '5 min ago',
    'in 5 min',
    'in 3 d',
    'in 10 s',
    'just now',
  ]);
});

it('shortens digests and commits, and nothing else', () => {
  expect([
    short(`sha256:${'ab'.repeat(32)}`),
    short('0123456789abcdef0123456789abcdef01234567'),
    short('main'),
    short('rel_1'),
  ]).toEqual(['sha256:abababababab', '0123456789ab', 'main', 'rel_1']);
});
