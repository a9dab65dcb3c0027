import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Reading } from '../engine/container.ts';
import { leftOf, limitTime, MOST } from './time-limit.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** When a command of a second is over, on a machine where it gets `used` of a processor and tasks wait `stalled` of the time. */
async function overAfter(used: number, stalled: number, readable = true): Promise<number | null> {
  const start = performance.now();
  const passed = () => performance.now() - start;
  let over: number | null = null;
  const read = async (): Promise<Reading | null> =>
    readable ? { atMs: passed(), usedMs: passed() * used, stalledMs: passed() * stalled } : null;
  const stop = limitTime(1_000, read, () => {
    over = passed();
  });
  await vi.advanceTimersByTimeAsync(10_000);
  stop();
  return over;
}

test.each<[string, number, number, number, number]>([
  ['an idle machine: at its limit', 0.9, 0, 1_000, 1_000],
  ['two processors for itself alone: at its limit', 1.9, 0.1, 1_000, 1_000],
  ['half of a processor on a busy machine: when it has had its time', 0.5, 1, 1_450, 1_500],
  ['a tenth: at the most that there is', 0.1, 1, 2_900, MOST * 1_000],
  ['nothing, since it waits by itself: at its limit, however busy the machine', 0, 1, 1_000, 1_000],
])('%s', async (_, used, stalled, from, to) => {
  const over = await overAfter(used, stalled);
  expect(over).toBeGreaterThanOrEqual(from);
  expect(over).toBeLessThanOrEqual(to);
});

test('where nothing can be read the clock counts', async () => {
  expect(await overAfter(0.5, 1, false)).toBe(1_000);
});

test('a command that ends first is not over afterwards', async () => {
  let over = 0;
  const stop = limitTime(
    1_000,
    async () => ({ atMs: 0, usedMs: 0, stalledMs: 0 }),
    () => over++,
  );
  await vi.advanceTimersByTimeAsync(700);
  stop();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(over).toBe(0);
});

test('whatever is read, a command has at least its limit by the clock and at most so many times that', async () => {
  const share = fc.double({ min: -1, max: 4, noNaN: true });
  await fc.assert(
    fc.asyncProperty(share, share, async (used, stalled) => {
      const over = await overAfter(used, stalled);
      expect(over).toBeGreaterThanOrEqual(1_000);
      expect(over).toBeLessThanOrEqual(MOST * 1_000);
    }),
    { numRuns: 100 },
  );
});

test('what is charged is never less than the processor time that was had', () => {
  const ms = fc.integer({ min: 0, max: 10_000 });
  fc.assert(
    fc.property(ms, ms, ms, (clock, used, stalled) => {
      const first = { atMs: 5, usedMs: 7, stalledMs: 9 };
      const last = { atMs: 5 + clock, usedMs: 7 + used, stalledMs: 9 + stalled };
      expect(leftOf(20_000, first, last)).toBeLessThanOrEqual(10_000 - used);
    }),
  );
});
