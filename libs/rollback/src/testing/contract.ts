import { describe, expect, test } from 'vitest';
import { deploy, prepareRelease, retire } from '../deploy/deploy.ts';
import { rollback } from '../deploy/rollback.ts';
import { Fenced } from '../targets/target.ts';
import { load } from './load.ts';
import { clock, memoryJournal, type Stand } from './stand.ts';
import { type Within, withStand } from './within.ts';

/** What every target keeps, whatever it is made of: forward, undo, and not one request that the bad release itself did not fail. */
export function targetContract(name: string, stand: () => Promise<Stand>): void {
  const within = (body: (within: Within) => Promise<void>) => withStand(stand, body);
  describe.concurrent(`the ${name} target`, () => {
    test(
      'first deploy, second, and undo',
      { timeout: 120_000 },
      within(async ({ at, v1, answer }) => {
        const v2 = await at.release('v2', { version: 'two' });
        const journal = memoryJournal();
        const run = at.run({ env: { GREETING: 'hello' } });
        const first = await deploy(at.target, { release: v1, run, live: null, fence: 1, journal, clock });
        expect(first).toMatchObject({ kind: 'promoted', release: v1.id, previous: null });
        expect(await answer()).toBe('one');

        const second = await deploy(at.target, { release: v2, run, live: v1, fence: 2, journal, clock });
        expect(second).toMatchObject({ kind: 'promoted', previous: v1.id });
        expect(await answer()).toBe('two');
        const state = await at.target.state();
        expect(state.serving).toEqual(new Map([[v2.id, 100]]));
        expect(state.releases.map((each) => each.id)).toEqual([v1.id, v2.id]);

        await retire(at.target, { release: v2.id, keep: [v2.id, v1.id], fence: 2, journal });
        expect((await at.target.state()).releases.map((each) => each.id)).toEqual([v1.id, v2.id]);
        // Too late: a rollback has the target by now, and what this one would stop serves.
        const late = { release: v2.id, keep: [v2.id], fence: 2, journal };

        const back = await rollback(at.target, { to: v1, run, fence: 3, journal, clock });
        await retire(at.target, late);
        expect(back).toMatchObject({ kind: 'switched', from: [v2.id], warm: true });
        expect(await answer()).toBe('one');
        expect((await at.target.state()).releases.map((each) => each.id)).toEqual([v1.id]);

        const again = await rollback(at.target, { to: v2, run, fence: 4, journal, clock });
        expect(again).toMatchObject({ kind: 'switched', warm: false });
        expect(await answer()).toBe('two');
      }),
    );

    test(
      'whoever goes on with a deploy does so under a higher fence: what the former one still sends is refused, and what it gave up stays so',
      { timeout: 120_000 },
      within(async ({ at, v1, forward, answer }) => {
        const v2 = await at.release('v2', { version: 'two' });
        await forward(v1, null, 1);
        const order = { run: at.run(), release: v2, live: v1, journal: memoryJournal(), clock };
        expect(await prepareRelease(at.target, { ...order, fence: 2 })).toMatchObject({ kind: 'prepared' });
        await at.target.shift(
          new Map([
            [v2.id, 0],
            [v1.id, 100],
          ]),
          2,
          v2.id,
        );
        const resumed = await deploy(at.target, { ...order, fence: 3, began: 2 });
        expect(resumed).toMatchObject({
          kind: 'rolled_back',
          reason: expect.stringContaining('given up before'),
        });
        await expect(at.target.shift(new Map([[v2.id, 100]]), 2)).rejects.toThrow(Fenced);
        expect(await answer()).toBe('one');
        // Another deploy of it is another matter.
        expect(await deploy(at.target, { ...order, fence: 4 })).toMatchObject({ kind: 'promoted' });
      }),
    );

    test(
      'not one request fails across deploy, switch, rollback and a release that never gets healthy',
      {
        timeout: 120_000,
      },
      within(async ({ at, v1, forward }) => {
        await forward(v1, null, 1);
        const v2 = await at.release('v2', { version: 'two' });
        const sick = await at.release('v3', { version: 'sick', mode: 'unhealthy' });
        const mute = await at.release('v4', { version: 'mute', mode: 'never-listens' });
        const users = load(at.port);
        const second = await forward(v2, v1, 2);
        expect(second).toMatchObject({ kind: 'promoted' });
        expect(second.kind === 'promoted' && second.evidence).toContain('0 of ');
        const back = { to: v1, run: at.run(), fence: 3, journal: memoryJournal(), clock };
        expect(await rollback(at.target, back)).toMatchObject({ kind: 'switched', warm: true });
        expect(await forward(sick, v1, 4, { healthyWithinMs: 2_000 })).toMatchObject({
          kind: 'rolled_back',
          verdict: 'never_healthy',
          live: v1.id,
        });
        expect(await forward(mute, v1, 5, { healthyWithinMs: 1_000 })).toMatchObject({
          kind: 'rolled_back',
          verdict: 'never_healthy',
        });
        const seen = await users.stop();
        expect(seen.sent).toBeGreaterThan(500);
        expect(seen.failed).toBe(0);
      }),
    );

    test(
      'a release that answers 500 is caught in its first share, and the old one serves again',
      {
        timeout: 120_000,
      },
      within(async ({ at, v1, forward }) => {
        await forward(v1, null, 1);
        const bad = await at.release('v2', { version: 'bad', mode: 'errors' });
        const users = load(at.port);
        const result = await forward(bad, v1, 2);
        expect(result).toMatchObject({ kind: 'rolled_back', verdict: 'degraded', live: v1.id });
        if (result.kind !== 'rolled_back') return;
        const share = at.weighted ? 20 : 100;
        expect(result.reason).toMatch(new RegExp(`^at ${share} % of traffic: \\d+ of \\d+ requests failed`));
        expect(result.evidence).toContain('service bad errors');
        expect(result.evidence).toContain(`back to ${v1.id}`);
        expect(result.trafficBackMs).not.toBeNull();
        const { failed, sent } = await users.stop();
        // Only what the bad release itself failed: a fifth of the traffic until the verdict, where traffic can be shared.
        expect(failed).toBeGreaterThan(0);
        expect(failed).toBeLessThan(at.weighted ? sent / 4 : sent);
        expect(result).toMatchObject({ verified: { kind: 'verified' }, stuck: null, troubles: [] });
        expect([...(await at.target.state()).serving]).toEqual([[v1.id, 100]]);
      }),
    );

    test(
      'a release that crashes under traffic is caught by its restarts or its health, and its users get the old one',
      {
        timeout: 120_000,
      },
      within(async ({ at, v1, forward }) => {
        await forward(v1, null, 1);
        const bad = await at.release('v2', { version: 'bad', mode: 'crash', after: 5_000 });
        const result = await forward(bad, v1, 2, {
          run: at.run({ canary: { steps: [20, 100], bake: 8_000, minRequests: 0 } }),
        });
        expect(result).toMatchObject({ kind: 'rolled_back', live: v1.id, verdict: 'degraded' });
        expect(result.kind === 'rolled_back' && result.evidence).toContain('boom of bad');
      }),
    );

    test(
      'cancelled in the middle of a canary: traffic back, nothing of it left',
      {
        timeout: 120_000,
      },
      within(async ({ at, v1, forward }) => {
        await forward(v1, null, 1);
        const v2 = await at.release('v2', { version: 'two' });
        const first = at.weighted ? 'shift/20' : 'shift/100';
        const halt = new AbortController();
        const journal = memoryJournal();
        const halting = {
          ...journal,
          finished: async (...args: Parameters<typeof journal.finished>) => {
            await journal.finished(...args);
            if (args[0].effect === first) halt.abort(new Error('halt'));
          },
        };
        const order = {
          release: v2,
          live: v1,
          run: at.run(),
          fence: 2,
          journal: halting,
          clock,
          signal: halt.signal,
        };
        expect(await deploy(at.target, order)).toMatchObject({
          kind: 'rolled_back',
          verdict: 'cancelled',
          reason: 'halt',
        });
        expect(journal.lines.slice(-4)).toEqual([
          `> undo:${first}`,
          `< undo:${first} done`,
          '> undo:start',
          '< undo:start done',
        ]);
        const state = await at.target.state();
        expect([...state.serving]).toEqual([[v1.id, 100]]);
        expect(state.releases.map((each) => each.id)).toEqual([v1.id]);
      }),
    );
  });
}
