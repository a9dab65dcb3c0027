import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Prefetch } from './prefetch.ts';

test('what was made ahead is handed out once, to who asks for the same', async () => {
  const ahead = new Prefetch<string>(10_000, (made) => made !== 'too large');
  let times = 0;
  const make = (text: string) => async () => {
    times += 1;
    return text;
  };
  ahead.begin('a', make('of a'));
  ahead.begin('a', make('of a'));
  expect(await ahead.take('b')).toBeNull();
  expect(await ahead.take('a')).toBe('of a');
  expect(await ahead.take('a')).toBeNull();
  expect(times).toBe(1);
  ahead.begin('a', make('of a'));
  ahead.begin('b', make('of b'));
  expect([await ahead.take('a'), await ahead.take('b')]).toEqual([null, 'of b']);
  ahead.begin('c', make('too large'));
  expect(await ahead.take('c')).toBeNull();
  ahead.begin('d', () => Promise.reject(new Error('its own affair')));
  await ahead.over();
  expect(await ahead.take('d')).toBeNull();
});

test('it is not held for ever', async () => {
  const ahead = new Prefetch<string>(1, () => true);
  ahead.begin('a', async () => 'of a');
  await sleep(20);
  expect(await ahead.take('a')).toBeNull();
});
