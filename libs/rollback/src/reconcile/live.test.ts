import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type LiveMemory, NOTHING_SEEN, watchLive } from './live.ts';

/** Requests and errors a second, second by second. */
function seen(
  seconds: readonly [number, number][],
  rate = 0.02,
): { sickAt: number | null; memory: LiveMemory } {
  let [memory, requests, errors]: [LiveMemory, number, number] = [NOTHING_SEEN, 0, 0];
  let sickAt: number | null = null;
  for (const [at, [n, bad]] of seconds.entries()) {
    requests += n;
    errors += bad;
    const looked = watchLive(memory, { at: at * 1_000, requests, errors }, rate);
    memory = looked.memory;
    if (looked.sick !== null) sickAt ??= at;
  }
  return { sickAt, memory };
}
const seconds = (n: number, each: [number, number]) => Array.from({ length: n }, () => each);

test.each<[string, [number, number][], number | null]>([
  ['all well', seconds(120, [50, 0]), null],
  ['a rate just under the limit', seconds(120, [100, 2]), null],
  ['everything fails', [...seconds(30, [50, 0]), ...seconds(60, [50, 50])], 36],
  ['a fifth fails', [...seconds(30, [50, 0]), ...seconds(60, [50, 10])], 36],
  [
    'two seconds of trouble that pass',
    [...seconds(30, [50, 0]), ...seconds(2, [50, 25]), ...seconds(60, [50, 0])],
    null,
  ],
  ['too few to tell', seconds(120, [0, 0]).map(([n], at) => (at % 10 === 0 ? [1, 1] : [n, 0])), null],
])('%s', (_name, story, most) => {
  const { sickAt } = seen(story);
  if (most === null) expect(sickAt).toBeNull();
  else {
    expect(sickAt).not.toBeNull();
    expect(sickAt).toBeLessThanOrEqual(most);
  }
});

test('a proxy that begins anew, or a clock that jumps, begins a new window; memory stays bounded', () => {
  const first = watchLive(NOTHING_SEEN, { at: 50_000, requests: 900, errors: 900 }, 0.02);
  const anew = watchLive(first.memory, { at: 60_000, requests: 40, errors: 40 }, 0.02);
  expect(anew).toEqual({ memory: [{ at: 60_000, requests: 40, errors: 40 }], sick: null });
  expect(watchLive(anew.memory, { at: 1_000, requests: 400, errors: 400 }, 0.02).memory).toHaveLength(1);
  expect(seen(seconds(300, [10, 0])).memory.length).toBeLessThanOrEqual(32);
});

test('no errors, no incident, whatever comes', () => {
  const traffic = fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 80 });
  fc.assert(
    fc.property(
      traffic,
      (counts) =>
        seen(
          counts.map((n) => [n, 0]),
          0,
        ).sickAt === null,
    ),
  );
});
