import { expect, test } from 'vitest';
import { load } from '../testing/load.ts';
import { stand } from '../testing/stand.ts';
import { withStand } from '../testing/within.ts';
import { deploy } from './deploy.ts';
import { Hold } from './order.ts';

// Who stops a canary waits for no bake: users come back to the old release at once, on the real engine, through HAProxy, and no request fails.

const STEPS = [20, 60, 100];
/** No step ends within the test by itself. */
const STUCK = { canary: { steps: STEPS, bake: 600_000, minRequests: 0 } };
const SHORT = { canary: { steps: STEPS, bake: 300, minRequests: 0 } };

/** Whom the next answers are of. */
async function answersOf(port: number, count = 20): Promise<Set<string>> {
  const seen = new Set<string>();
  for (let n = 0; n < count; n += 1)
    seen.add((await fetch(`http://127.0.0.1:${port}/`)).headers.get('x-version') ?? '');
  return seen;
}

test.concurrent.each([
  ['taken back', 20, new Error('a person asked'), 'rolled_back'],
  ['held', 20, new Hold('a halt'), 'held'],
  ['taken back', 100, new Error('a person asked'), 'rolled_back'],
  ['held', 100, new Hold('a halt'), 'held'],
] as const)(
  '%s at %s percent: users are at the old release, whatever the bake, and no request fails',
  { timeout: 240_000 },
  async (how, percent, reason, kind) => {
    await withStand(stand, async ({ at, forward }) => {
      const v1 = await at.release('v1', { version: 'one' });
      expect(await forward(v1, null, 1, { run: at.run(SHORT) })).toMatchObject({ kind: 'promoted' });
      const v2 = await at.release('v2', { version: 'two' });
      const users = load(at.port, 4);
      const stop = new AbortController();
      const config = percent === 100 ? { canary: { ...STUCK.canary, steps: [100] } } : STUCK;
      const ended = await forward(v2, v1, 2, {
        run: at.run(config),
        signal: stop.signal,
        shifted: async (share) => {
          if (share === percent) stop.abort(reason);
        },
      });
      expect(ended).toMatchObject({ kind, live: v1.id, stuck: null, trafficBackMs: expect.any(Number) });
      expect([...(await at.target.state()).serving]).toEqual([[v1.id, 100]]);
      expect(await answersOf(at.port)).toEqual(new Set(['one']));
      const runs = (await at.target.state()).releases.map(({ id }) => id).includes(v2.id);
      expect(runs).toBe(how === 'held');

      // Held, the same order begins anew and comes to its end; taken back, it never goes forward again.
      const again = await forward(v2, v1, 2, { run: at.run(SHORT) });
      expect(again.kind).toBe(how === 'held' ? 'promoted' : 'rolled_back');
      expect(await answersOf(at.port)).toEqual(new Set([how === 'held' ? 'two' : 'one']));
      expect((await users.stop()).failed).toBe(0);
    })();
  },
);

test(
  'one that begins with its signal aborted undoes what a killed run of it had done',
  { timeout: 240_000 },
  withStand(stand, async ({ at, forward }) => {
    const v1 = await at.release('v1', { version: 'one' });
    await forward(v1, null, 1, { run: at.run(SHORT) });
    const v2 = await at.release('v2', { version: 'two' });
    const order = { run: at.run(SHORT) };
    await forward(v2, v1, 2, order);
    // As a killed factory leaves it: traffic shared, and nobody watching.
    await at.target.shift(
      new Map([
        [v2.id, 20],
        [v1.id, 80],
      ]),
      2,
    );
    expect(
      await forward(v2, v1, 2, { ...order, signal: AbortSignal.abort(new Hold('it had died')) }),
    ).toMatchObject({
      kind: 'held',
    });
    expect([...(await at.target.state()).serving]).toEqual([[v1.id, 100]]);
    await at.target.shift(
      new Map([
        [v2.id, 20],
        [v1.id, 80],
      ]),
      2,
    );
    expect(
      await deploy(at.target, {
        ...{ release: v2, live: v1, fence: 2, ...order },
        ...{ journal: { started: async () => {}, finished: async () => {} } },
        clock: { now: () => Date.now(), sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)) },
        signal: AbortSignal.abort(new Error('Ann asked for it')),
      }),
    ).toMatchObject({ kind: 'rolled_back', verdict: 'cancelled', reason: 'Ann asked for it' });
    expect([...(await at.target.state()).serving]).toEqual([[v1.id, 100]]);
  }),
);
