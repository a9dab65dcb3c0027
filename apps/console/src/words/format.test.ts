import { expect, test } from 'vitest';
import { ago, duration, exactly, money, short, some } from './format.ts';

test.each([
  [820, '820 ms'],
  [3_140, '3.1 s'],
  [42_900, '42 s'],
  [187_000, '3:07'],
  [7_509_000, '2:05:09'],
])('%s ms are %s', (ms, text) => expect(duration(ms)).toBe(text));

test('a time is told from now, to both sides', () => {
  expect(ago(0, 10_000)).toBe('just now');
  expect(ago(0, 300_000)).toBe('5 min ago');
  expect(ago(7_200_000 * 30, 0)).toBe('in 3 d');
  expect(exactly(Date.UTC(2026, 10, 21, 12) + new Date(2026, 10, 21).getTimezoneOffset() * 60_000)).toBe(
    '2026-11-21 12:00:00',
  );
});

test('fractions of a cent are seen, and nothing is a round zero', () => {
  expect([money(0), money(0.0031), money(12.4)]).toEqual(['$0.00', '$0.0031', '$12.40']);
});

test('digests are cut as people compare them, and one thing is one', () => {
  expect(short(`sha256:${'ab'.repeat(32)}`)).toBe('sha256:abababababab');
  expect(short('rel_1')).toBe('rel_1');
  expect([some(1, 'gate'), some(2, 'gate'), some(0, 'entry', 'entries')]).toEqual([
    '1 gate',
    '2 gates',
    '0 entries',
  ]);
});
