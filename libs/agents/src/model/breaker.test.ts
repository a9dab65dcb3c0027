import { expect, test } from 'vitest';
import { FakeClock } from '../testing/doubles.ts';
import { Breaker } from './breaker.ts';

const failing = async (breaker: Breaker, times: number) => {
  for (let n = 0; n < times; n += 1) (await breaker.enter()).end('failed');
};
const options = { after: 3, coolMs: 1_000, maxCoolMs: 3_000 };

test('opens after failures in a row, lets one probe through, closes on its success', async () => {
  const clock = new FakeClock();
  const breaker = new Breaker(clock, options);
  await failing(breaker, 3);
  expect(breaker.state).toBe('open');
  const before = clock.now();
  const probe = await breaker.enter();
  expect(clock.now() - before).toBe(1_000);
  expect(breaker.state).toBe('probing');
  probe.end('answered');
  expect(breaker.state).toBe('closed');
});

test('a probe that fails doubles the cool-down, up to its ceiling', async () => {
  const clock = new FakeClock();
  const breaker = new Breaker(clock, options);
  await failing(breaker, 3);
  const waits: number[] = [];
  for (let n = 0; n < 4; n += 1) {
    const before = clock.now();
    const probe = await breaker.enter();
    waits.push(clock.now() - before);
    probe.end('failed');
  }
  expect(waits).toEqual([1_000, 2_000, 3_000, 3_000]);
});

test('while one probes, the next waits; a success in between resets the count', async () => {
  const clock = new FakeClock();
  const breaker = new Breaker(clock, options);
  await failing(breaker, 2);
  (await breaker.enter()).end('answered');
  await failing(breaker, 2);
  expect(breaker.state).toBe('closed');
  await failing(breaker, 1);
  const probe = await breaker.enter();
  let second = false;
  const waiting = breaker.enter().then(() => {
    second = true;
  });
  await Promise.resolve();
  expect(second).toBe(false);
  probe.end('answered');
  await waiting;
  expect(second).toBe(true);
});

test('waiting ends with the signal', async () => {
  const breaker = new Breaker(new FakeClock(), options);
  await failing(breaker, 3);
  await expect(breaker.enter(AbortSignal.abort(new Error('stop')))).rejects.toThrow('stop');
});

test('a probe whose caller throws lets the next one probe; a second end of it says nothing', async () => {
  const breaker = new Breaker(new FakeClock(), options);
  await failing(breaker, 3);
  const broken = async () => {
    using _pass = await breaker.enter();
    throw new Error('the database is away');
  };
  await expect(broken()).rejects.toThrow('away');
  expect(breaker.state).toBe('open');
  const probe = await breaker.enter();
  probe.end('failed');
  probe.end('answered');
  expect(breaker.state).toBe('open');
});

test('who entered before it opened ends no probe of another', async () => {
  const breaker = new Breaker(new FakeClock(), options);
  const early = await breaker.enter();
  await failing(breaker, 3);
  const probe = await breaker.enter();
  early.end('nothing');
  expect(breaker.state).toBe('probing');
  probe.end('answered');
  expect(breaker.state).toBe('closed');
});
