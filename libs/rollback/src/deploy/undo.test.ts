import { DeployConfig, Digest, ReleaseId } from '@millwright/domain';
import { expect, test } from 'vitest';
import { memoryTarget } from '../testing/memory-target.ts';
import { memoryJournal } from '../testing/stand.ts';
import { deploy, prepareRelease } from './deploy.ts';
import type { Journal } from './effect.ts';
import type { DeployOrder } from './order.ts';
import { rehearse } from './rehearse.ts';
import { rollback } from './rollback.ts';

const [v1, v2] = ['rel_aaaaaaaa', 'rel_bbbbbbbb'].map((id) => ({
  id: ReleaseId.parse(id),
  layer: Digest.parse(`sha256:${'0'.repeat(64)}`),
  image: 'image',
})) as [DeployOrder['release'], DeployOrder['release']];
const config = DeployConfig.parse({
  target: 'docker',
  start: 'x',
  port: 1,
  expose: 1,
  canary: { steps: [50, 100], bake: 100, minRequests: 0 },
});
const run = { config, secrets: {}, replicas: 1 };
/** Time passes when somebody sleeps. */
function clockOf() {
  let now = 0;
  return {
    now: () => now,
    sleep: async (ms: number) => {
      now += ms;
    },
  };
}

/** v1 serves, and v2 is bad from its first request on. */
async function bad(journal: Journal = memoryJournal()) {
  const target = memoryTarget();
  const clock = clockOf();
  const first = { release: v1, live: null, run, fence: 1, journal: memoryJournal(), clock };
  expect(await deploy(target, first)).toMatchObject({ kind: 'promoted' });
  let asked = 0;
  target.faults.figures = (id) => {
    asked += 10;
    return { requests: asked, errors: id === v2.id ? asked : 0 };
  };
  const order: DeployOrder = { release: v2, live: v1, run, fence: 2, journal, clock };
  return { target, order, go: () => deploy(target, order) };
}

test('a proxy that does not take traffic back is started again, and asked once more', async () => {
  const { target, go } = await bad();
  let refusals = 1;
  target.faults.shift = (weights) => {
    const back = weights.get(v1.id) === 100 && target.calls.some((call) => call.includes(`${v2.id}=50`));
    if (!back || refusals === 0) return null;
    refusals -= 1;
    return 'HAProxy is gone';
  };
  expect(await go()).toMatchObject({
    kind: 'rolled_back',
    verdict: 'degraded',
    stuck: null,
    troubles: [],
    verified: { kind: 'verified' },
  });
  const at = target.calls.lastIndexOf('ensureProxy');
  expect(target.calls[at - 1]).toBe(target.calls[at + 1]);
});

test('a promotion that may not be yet leaves the old release serving; the same order goes on when it may', async () => {
  const { target, order } = await bad();
  target.faults.figures = () => ({ requests: 0, errors: 0 });
  let sealed = false;
  const beforePromotion = async () => {
    if (!sealed) throw new Error('not sealed');
  };
  await expect(deploy(target, { ...order, beforePromotion })).rejects.toThrow('not sealed');
  expect(target.calls.some((call) => call.includes(`${v2.id}=50`))).toBe(true); // it had come as far as the canary
  expect((await target.state()).serving).toEqual(new Map([[v1.id, 100]]));
  sealed = true;
  expect(await deploy(target, { ...order, beforePromotion })).toMatchObject({
    kind: 'promoted',
    previous: v1.id,
  });
  expect((await target.state()).serving.get(v2.id)).toBe(100);
});

test('going back asks nobody: a rollback has no such wait', async () => {
  const { target, order } = await bad();
  target.faults.figures = () => ({ requests: 0, errors: 0 });
  expect(await deploy(target, order)).toMatchObject({ kind: 'promoted' });
  const back = { to: v1, run, fence: 3, journal: memoryJournal(), clock: order.clock };
  expect(await rollback(target, back)).toMatchObject({ kind: 'switched', to: v1.id });
});

test('when going back itself fails, it says so, and what a person must do', async () => {
  const { target, go } = await bad();
  target.faults.shift = (weights) =>
    weights.get(v1.id) === 100 && target.calls.some((call) => call.includes(`${v2.id}=50`))
      ? 'no HAProxy any more'
      : null;
  const result = await go();
  expect(result).toMatchObject({
    kind: 'rolled_back',
    verified: null,
    stuck: { kind: 'stuck', why: 'no HAProxy any more' },
  });
  const what = result.kind === 'rolled_back' ? result.stuck?.what : '';
  expect(what).toMatch(/^1\. look at why: no HAProxy[\s\S]*2\. roll back to rel_aaaaaaaa[\s\S]*thaw shop$/);
  expect(result.kind === 'rolled_back' && result.evidence).toContain('roll back to rel_aaaaaaaa');
});

test('the old release that is not itself any more is not taken for verified', async () => {
  const { target, go } = await bad();
  const figures = target.faults.figures;
  // Since the new one had traffic, the old one fails as well: something they share.
  target.faults.figures = (id) => {
    const { requests } = figures(id);
    const back = target.calls.at(-1)?.startsWith(`stop ${v2.id}`);
    return { requests, errors: id === v2.id || back ? requests : 0 };
  };
  expect(await go()).toMatchObject({
    kind: 'rolled_back',
    verified: { kind: 'unverified', reason: expect.stringMatching(/requests failed on rel_aaaaaaaa/) },
    stuck: { kind: 'stuck' },
  });
});

test('a trail that hangs does not hold traffic back', async () => {
  const journal = memoryJournal();
  const hang = new Promise<void>(() => {});
  const { target, go } = await bad({
    started: (record) => (record.effect.startsWith('undo:') ? hang : journal.started(record)),
    finished: (record, result, reason) =>
      record.effect.startsWith('undo:') ? hang : journal.finished(record, result, reason),
  });
  const result = await go();
  expect(result).toMatchObject({ kind: 'rolled_back', stuck: null, troubles: ['not journaled in 5000 ms'] });
  expect(target.calls.at(-1)).toBe(`stop ${v2.id}`);
});

test('a rollback that fails says what to do too; one that works is verified', async () => {
  const { target, order } = await bad();
  const back = { to: v1, run, fence: 3, journal: memoryJournal(), clock: order.clock };
  expect(await rollback(target, back)).toMatchObject({ kind: 'switched', verified: { kind: 'verified' } });
  target.faults.probe = () => false;
  expect(await rollback(target, { ...back, fence: 4 })).toMatchObject({
    kind: 'never_healthy',
    stuck: { kind: 'stuck' },
  });
});

test('a new release that falls over in the rehearsal never gets traffic', async () => {
  const { target, go } = await bad();
  let probes = 0;
  target.faults.probe = (id) => {
    if (id === v2.id) probes += 1;
    return id === v1.id || probes <= 2;
  };
  expect(await go()).toMatchObject({
    kind: 'rolled_back',
    verdict: 'degraded',
    reason: expect.stringMatching(/^before any traffic/),
    trafficBackMs: null,
  });
  expect(target.calls.filter((call) => call.includes(`${v2.id}=`) && !call.includes(`${v2.id}=0`))).toEqual(
    [],
  );
});

test('a release whose undo could not be started again is told so before its gate', async () => {
  const { target, order } = await bad();
  target.faults.gone = (id) => id === v1.id;
  expect(await prepareRelease(target, order)).toMatchObject({ kind: 'prepared' });
  expect(await rehearse(target, order)).toEqual({
    possible: false,
    fault: 'undo',
    reason:
      'the live release rel_aaaaaaaa, to which undo goes, could not be started again: the image of rel_aaaaaaaa was removed',
  });
});

test.each([
  ['back by an hour', -3_600_000],
  ['forward by an hour', 3_600_000],
])(
  'a clock that is set %s in the middle of a canary makes it neither longer nor shorter',
  async (_name, step) => {
    const { target, order } = await bad();
    target.faults.figures = () => ({ requests: 0, errors: 0 });
    const slept = async (jumpAt: number, live: typeof v1, release: typeof v2, fence: number) => {
      let [now, sleeps] = [0, 0];
      const clock = {
        now: () => now,
        sleep: async (ms: number) => {
          sleeps += 1;
          if (sleeps > 1_000) throw new Error('it never ends');
          now += sleeps === jumpAt ? step : ms;
        },
      };
      const config = DeployConfig.parse({
        ...run.config,
        canary: { steps: [50, 100], bake: 3_000, minRequests: 0 },
      });
      const order_ = { ...order, release, live, run: { ...run, config }, fence, clock };
      expect(await deploy(target, order_)).toMatchObject({ kind: 'promoted' });
      return sleeps;
    };
    const undisturbed = await slept(0, v1, v2, 2);
    // The look in which it happens counts nothing: one more is taken.
    expect(Math.abs((await slept(8, v2, v1, 3)) - undisturbed)).toBeLessThanOrEqual(1);
  },
);
