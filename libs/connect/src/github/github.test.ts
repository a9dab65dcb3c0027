import { expect, test } from 'vitest';
import { waitOf } from './github.ts';

// https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
test('GitHub asks to wait by 403 or 429, in seconds or until an instant; any other refusal is none', () => {
  const now = 1_000_000_000_000;
  expect(waitOf(429, {}, now)).toBe(60_000);
  expect(waitOf(403, { 'retry-after': '7' }, now)).toBe(7_000);
  expect(
    waitOf(403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(now / 1_000 + 90) }, now),
  ).toBe(90_000);
  // It is over by their clock, and not by ours.
  expect(waitOf(403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1' }, now)).toBe(1_000);
  expect(waitOf(403, { 'x-ratelimit-remaining': '4' }, now)).toBeNull();
  expect(waitOf(404, { 'retry-after': '7' }, now)).toBeNull();
  expect(waitOf(null, {}, now)).toBeNull();
});
