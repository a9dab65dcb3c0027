import { expect, test } from 'vitest';
import { FakeClock } from '../testing/doubles.ts';
import { Breaker } from './breaker.ts';

const options = { after: 3, coolMs: 1_000, maxCoolMs: 3_000 };

test('opens after failures in a row, lets one probe through, closes on its success', async () => {
  const clock = new FakeClock();
  const breaker = new Breaker(clock, options);
  for (let n = 0; n < 3; n += 1) breaker.failed();
  expect(breaker.state).toBe('open');
  const before = clock.now();
  await breaker.enter();
  expect(clock.now() - before).toBe(1_000);
  expect(breaker.state).toBe('probing');
  breaker.succeeded();
  expect(breaker.state).toBe('closed');
});

test('a probe that fails doubles the cool-down, up to its ceiling', async () => {
  const clock = new FakeClock();
  const breaker = new Breaker(clock, options);
  for (let n = 0; n < 3; n += 1) breaker.failed();
  const waits: number[] = [];
  for (let n = 0; n < 4; n += 1) {
    const before = clock.now();
    await breaker.enter();
    waits.push(clock.now() - before);
    breaker.failed();
  }
  expect(waits).toEqual([1_000, 2_000, 3_000, 3_000]);
});

test('while one probes, the next waits; a success in between resets the count', async () => {
  const clock = new FakeClock();
  const breaker = new Breaker(clock, options);
  breaker.failed();
  breaker.failed();
  breaker.succeeded();
  breaker.failed();
  breaker.failed();
  expect(breaker.state).toBe('closed');
  breaker.failed();
  await breaker.enter();
  let second = false;
  const waiting = breaker.enter().then(() => {
    second = true;
  });
  await Promise.resolve();
  expect(second).toBe(false);
  breaker.succeeded();
  await waiting;
  expect(second).toBe(true);
});

test('waiting ends with the signal', async () => {
  const breaker = new Breaker(new FakeClock(), options);
  for (let n = 0; n < 3; n += 1) breaker.failed();
  await expect(breaker.enter(AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
});
