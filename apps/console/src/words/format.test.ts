import { expect, test } from 'vitest';
import { exactly, money, some } from './format.ts';

test('a time is told to the second, as it is here', () => {
  expect(exactly(Date.UTC(2026, 10, 21, 12) + new Date(2026, 10, 21).getTimezoneOffset() * 60_000)).toBe(
    '2026-11-21 12:00:00',
  );
});

test('fractions of a cent are seen, and nothing is a round zero', () => {
  expect([money(0), money(0.0031), money(12.4)]).toEqual(['$0.00', '$0.0031', '$12.40']);
});

test('one thing is one', () => {
  expect([some(1, 'gate'), some(2, 'gate'), some(0, 'entry', 'entries')]).toEqual([
    '1 gate',
    '2 gates',
    '0 entries',
  ]);
});
