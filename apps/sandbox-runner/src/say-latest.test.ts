import type { AttemptId } from '@millwright/domain';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sayLatest } from './say-latest.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const A = 'att_0000000000000001' as AttemptId;

test('of many words the first and the last go out; the end at once when nothing waits', async () => {
  const sent: (string | null)[] = [];
  const say = sayLatest(async (_, text) => void sent.push(text), { debug: () => undefined });
  for (const text of ['one', 'two', 'three']) say(A, text);
  await vi.advanceTimersByTimeAsync(0);
  expect(sent).toEqual(['one']);
  await vi.advanceTimersByTimeAsync(500);
  expect(sent).toEqual(['one', 'three']);
  say(A, null);
  await vi.advanceTimersByTimeAsync(500);
  expect(sent).toEqual(['one', 'three', null]);
});

test('a word that is lost keeps none after it from going out', async () => {
  const sent: (string | null)[] = [];
  let fails = true;
  const say = sayLatest(
    async (_, text) => {
      if (fails) throw new Error('away');
      sent.push(text);
    },
    { debug: () => undefined },
  );
  say(A, 'one');
  await vi.advanceTimersByTimeAsync(500);
  fails = false;
  say(A, 'two');
  await vi.advanceTimersByTimeAsync(500);
  expect(sent).toEqual(['two']);
});
