import { expect, it } from 'vitest';
import { nextDelay, restartsPerMinute } from './restarts.ts';

it('waits longer with each death, and gives up at the sixth within a minute', () => {
  const deaths = [1_000, 2_000, 3_000, 4_000, 5_000, 6_000];
  expect(deaths.map((now, at) => nextDelay(deaths.slice(0, at + 1), now))).toEqual([
    100,
    250,
    500,
    1_000,
    2_000,
    null,
  ]);
});

it('forgets deaths that are a minute old', () => {
  expect(nextDelay([0, 1, 2, 3, 4, 70_000], 70_000)).toBe(100);
});

it('forgives as many deaths as it is told, and five when it is told nonsense', () => {
  const times = (MILLWRIGHT_RESTARTS_PER_MINUTE?: string) =>
    restartsPerMinute({ MILLWRIGHT_RESTARTS_PER_MINUTE });
  expect(['25', undefined, '', '0', '-1', '1e9', 'many'].map(times)).toEqual([25, 5, 5, 5, 5, 5, 5]);
  expect(nextDelay([0, 1, 2, 3, 4, 5], 5, 6)).toBe(2_000);
  expect(nextDelay([0, 1, 2, 3, 4, 5, 6], 6, 6)).toBeNull();
  expect(nextDelay([0, 1, 2, 3, 4], 4, 25)).toBe(100);
});
