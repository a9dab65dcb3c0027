import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CallFailure } from './failure.ts';
import { retryAfterOf } from './failure.ts';
import { DEFAULT_RETRY, decideRetry } from './retry.ts';

const trouble = (
  kind: 'overloaded' | 'server' | 'connection' | 'cut' | 'stalled',
  retryAfterMs: number | null = null,
): CallFailure => ({
  kind,
  spent: 'unknown',
  retryAfterMs,
  detail: '',
});
const limited = (retryAfterMs: number | null): CallFailure => ({
  kind: 'rate_limited',
  retryAfterMs,
  spent: 'nothing',
  detail: '',
});

test.each<[string, CallFailure, number, number, ReturnType<typeof decideRetry>]>([
  ['429 waits exactly what was asked', limited(1_700), 1, 0.9, { kind: 'retry', waitMs: 1_700 }],
  ['429 that asks for no wait backs off', limited(null), 1, 0, { kind: 'retry', waitMs: 250 }],
  [
    '429 over the longest wait gives up, saying when',
    limited(121_000),
    1,
    0,
    { kind: 'give_up', retryable: true, retryAfterMs: 121_000 },
  ],
  ['529 first: half of the base without luck', trouble('overloaded'), 1, 0, { kind: 'retry', waitMs: 250 }],
  ['529 third: doubled twice, fully jittered', trouble('overloaded'), 3, 1, { kind: 'retry', waitMs: 2_000 }],
  [
    '529 with retry-after: exactly that',
    trouble('overloaded', 3_000),
    1,
    0.5,
    { kind: 'retry', waitMs: 3_000 },
  ],
  ['a stall is asked again', trouble('stalled'), 1, 0, { kind: 'retry', waitMs: 250 }],
  ['a cut stream is asked again', trouble('cut'), 2, 0, { kind: 'retry', waitMs: 500 }],
  [
    'the last try gives up',
    trouble('server'),
    DEFAULT_RETRY.tries,
    0,
    { kind: 'give_up', retryable: true, retryAfterMs: null },
  ],
  [
    'a wrong key is final',
    { kind: 'auth', spent: 'nothing', detail: '' },
    1,
    0,
    { kind: 'give_up', retryable: false, retryAfterMs: null },
  ],
  [
    'a bad request is final',
    { kind: 'request', spent: 'nothing', detail: '' },
    1,
    0,
    { kind: 'give_up', retryable: false, retryAfterMs: null },
  ],
  [
    'an unknown model is final',
    { kind: 'model', spent: 'nothing', detail: '' },
    1,
    0,
    { kind: 'give_up', retryable: false, retryAfterMs: null },
  ],
  [
    'cancelled is final',
    { kind: 'cancelled', spent: 'unknown', detail: '' },
    1,
    0,
    { kind: 'give_up', retryable: false, retryAfterMs: null },
  ],
])('%s', (_, failure, failed, chance, decision) => {
  expect(decideRetry(failure, failed, chance)).toEqual(decision);
});

test('whatever happens, asking again ends and no wait is over its ceiling', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (failed, chance) => {
        const decision = decideRetry(trouble('overloaded'), failed, chance);
        if (failed >= DEFAULT_RETRY.tries) expect(decision.kind).toBe('give_up');
        else if (decision.kind === 'retry') expect(decision.waitMs).toBeLessThanOrEqual(DEFAULT_RETRY.maxMs);
        else expect.unreachable();
      },
    ),
  );
});

test.each([
  ['2', 2_000],
  ['0.5', 500],
  ['0', 0],
  ['Sat, 21 Nov 2026 08:00:10 GMT', 10_000],
  ['soon', null],
  ['', null],
])('retry-after %j is %j ms', (value, ms) => {
  const now = Date.parse('2026-11-21T08:00:00Z');
  expect(retryAfterOf(new Headers({ 'retry-after': value }), now)).toBe(ms);
});
