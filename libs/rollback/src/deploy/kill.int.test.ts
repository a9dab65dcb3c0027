import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ReleaseRef } from '../targets/target.ts';
import type { ChildOrder } from '../testing/child.ts';
import { load } from '../testing/load.ts';
import { clock, memoryJournal, type Stand, stand } from '../testing/stand.ts';
import { withStand } from '../testing/within.ts';
import { deploy } from './deploy.ts';
import { rollback } from './rollback.ts';

/** After every journal event with MILLWRIGHT_KILL=every; else in the middle of effects, which are the odd ones. */
const EVERY = process.env.MILLWRIGHT_KILL === 'every';
const STEP = EVERY ? 1 : 2;
/** Going forward has the most effects: every second of them, unless all are asked for (proxy, start, a share, retire). */
const FORWARD_STEP = EVERY ? 1 : 4;

type Config = Record<string, unknown>;
const short: Config = { canary: { steps: [30, 100], bake: 100, minRequests: 0 } };
const keep = async (at: Stand, name: string, behaviour: Parameters<Stand['release']>[1]) => {
  const release = await at.release(name, behaviour);
  await writeFile(join(at.dataDir, release.layer.replace(':', '-')), at.layers.get(release.layer) ?? '');
  return release;
};
const serving = async (at: Stand) => [...(await at.target.state()).serving.keys()];

/** Runs a deploy or rollback in a process of its own; null when it was killed at the event. */
async function child(at: Stand, order: Omit<ChildOrder, 'factory' | 'dataDir' | 'run'>, config = short) {
  const whole: ChildOrder = { ...order, factory: at.factory, dataDir: at.dataDir, run: at.run(config) };
  const program = new URL('../testing/child.ts', import.meta.url).pathname;
  const running = spawn(process.execPath, [program, JSON.stringify(whole)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  running.stdout.on('data', (part) => {
    out += part;
  });
  const [, signal] = await once(running, 'close');
  if (signal === 'SIGKILL') return null;
  return JSON.parse(out) as { events: number; kind: string };
}

const within = (body: (at: Stand, v1: ReleaseRef) => Promise<void>) =>
  withStand(stand, async ({ at, forward }) => {
    const v1 = await keep(at, 'v1', { version: 'one' });
    expect(await forward(v1, null, 1, { run: at.run(short) })).toMatchObject({ kind: 'promoted' });
    await body(at, v1);
  });

test.concurrent(
  'a good deploy killed at every step converges to the new release, and no request fails',
  {
    timeout: 240_000,
  },
  within(async (at, v1) => {
    let fence = 1;
    const v2 = await keep(at, 'v2', { version: 'two' });
    const users = load(at.port, 4);
    for (let killAt = 1; ; killAt += FORWARD_STEP) {
      fence += 1;
      // Odd: an effect has started, and is cut in its middle. Even: it has finished.
      const died = await child(at, {
        fence,
        verb: 'deploy',
        release: v2,
        live: v1,
        killAt,
        delayMs: killAt % 2 === 1 ? 15 : 0,
      });
      const order = { release: v2, live: v1, run: at.run(short), fence, journal: memoryJournal(), clock };
      const result = await deploy(at.target, order);
      expect(result, `killed at ${killAt}`).toMatchObject({ kind: 'promoted' });
      expect(await serving(at)).toEqual([v2.id]);
      fence += 1;
      const back = { to: v1, run: at.run(short), fence, journal: memoryJournal(), clock };
      expect(await rollback(at.target, back)).toMatchObject({ kind: 'switched' });
      if (died !== null) {
        expect(died).toMatchObject({ kind: 'promoted', events: 14 });
        break;
      }
    }
    expect((await users.stop()).failed).toBe(0);
  }),
);

test.concurrent(
  'a bad deploy killed while it goes back never goes forward again',
  { timeout: 240_000 },
  within(async (at, v1) => {
    let fence = 1;
    // Healthy, but its users get errors: a check of it degrades it under its first share of traffic.
    const bad = await keep(at, 'v3', { version: 'bad', mode: 'errors' });
    const checked: Config = { ...short, checks: [{ http: '/' }] };
    let killed = 0;
    for (let killAt = 9; ; killAt += STEP) {
      fence += 1;
      const killing = { fence, verb: 'deploy' as const, release: bad, live: v1, killAt };
      const died = await child(at, { ...killing, delayMs: killAt % 2 === 1 ? 15 : 0 }, checked);
      const order = {
        release: bad,
        live: v1,
        run: at.run(checked),
        fence,
        journal: memoryJournal(),
        clock,
      };
      const result = await deploy(at.target, order);
      expect(result, `killed at ${killAt}`).toMatchObject({ kind: 'rolled_back', live: v1.id });
      expect(await serving(at)).toEqual([v1.id]);
      expect((await at.target.state()).releases.map((each) => each.id)).toEqual([v1.id]);
      if (died !== null) break;
      killed += 1;
    }
    expect(killed).toBeGreaterThanOrEqual(3);
  }),
);

test.concurrent(
  'a rollback killed at every step converges to the old release, and no request fails',
  {
    timeout: 240_000,
  },
  within(async (at, v1) => {
    let fence = 1;
    const v2 = await keep(at, 'v2', { version: 'two' });
    const users = load(at.port, 4);
    for (let killAt = 1; ; killAt += STEP) {
      fence += 1;
      const forth = { release: v2, live: v1, run: at.run(short), fence, journal: memoryJournal(), clock };
      expect(await deploy(at.target, forth)).toMatchObject({ kind: 'promoted' });
      fence += 1;
      const died = await child(at, {
        fence,
        verb: 'rollback',
        release: v1,
        live: null,
        killAt,
        delayMs: killAt % 2 === 1 ? 5 : 0,
      });
      const back = { to: v1, run: at.run(short), fence, journal: memoryJournal(), clock };
      expect(await rollback(at.target, back)).toMatchObject({ kind: 'switched' });
      expect(await serving(at)).toEqual([v1.id]);
      expect((await at.target.state()).releases.map((each) => each.id)).toEqual([v1.id]);
      if (died !== null) break;
    }
    expect((await users.stop()).failed).toBe(0);
  }),
);
