import { expect, test } from 'vitest';
import type { Entry } from '../entries/index.ts';
import type { ReleaseId } from '../ids.ts';
import { type CanaryState, canaryOf, evolveCanaries } from './canary.ts';

const NEW = 'rel_0000000000000002' as ReleaseId;
const OLD = 'rel_0000000000000001' as ReleaseId;

const started = (effect: string, fence = 7, release = NEW): Entry => ({
  type: 'target.effect-started',
  data: { key: `${fence}/${release}/${effect}`, effect, release, fence },
});
const finished = (effect: string, fence = 7, release = NEW): Entry => ({
  type: 'target.effect-finished',
  data: { key: `${fence}/${release}/${effect}`, effect, release, result: 'done', reason: '' },
});
const judged = (percent: number, verdict: 'healthy' | 'degraded' | 'inconclusive', fence = 7): Entry => ({
  type: 'target.judged',
  data: { release: NEW, fence, percent, verdict, until: null, needs: null, reason: verdict },
});
const released = (by: 'deploy' | 'rollback', release = NEW, fence = 7): Entry => ({
  type: 'target.released',
  data: { release, previous: OLD, fence, by, artifact: null, reason: '' },
});

const fold = (...entries: Entry[]): readonly CanaryState[] =>
  entries.reduce<readonly CanaryState[]>((all, entry, at) => evolveCanaries(all, entry, 100 + at), []);

test('a share is had once its shift is done, and is judged where it was given', () => {
  const one = canaryOf(
    fold(started('start'), started('shift/10'), finished('shift/10'), judged(10, 'healthy')),
    NEW,
  );
  expect(one).toMatchObject({
    percent: 10,
    startedAt: 101,
    ended: null,
    steps: [{ percent: 10, at: 102, verdict: 'healthy' }],
  });
  expect(canaryOf(fold(started('shift/10')), NEW)).toMatchObject({ percent: 0, steps: [{ at: null }] });
});

test('taken up again after a kill, it bakes again at the share that it had', () => {
  const killed = [started('shift/10'), finished('shift/10'), judged(10, 'healthy')];
  const again = canaryOf(fold(...killed, started('shift/10'), finished('shift/10')), NEW);
  expect(again?.steps).toEqual([expect.objectContaining({ percent: 10, at: 104, verdict: null })]);
});

test('held, it begins anew under its own fence, and is under way again', () => {
  const held = [started('shift/10'), finished('shift/10'), started('shift/50'), started('undo:shift/50')];
  const anew = canaryOf(fold(...held, started('shift/10'), finished('shift/10')), NEW);
  expect(anew).toMatchObject({ percent: 10, startedAt: 104, ended: null, steps: [{ percent: 10, at: 105 }] });
  expect(anew?.steps).toHaveLength(1);
});

test('all traffic given to what served before, without the factory, ends it, and is no canary', () => {
  const before = [started('shift/100', 3, OLD), finished('shift/100', 3, OLD), released('deploy', OLD, 3)];
  const all = fold(...before, started('shift/50'), finished('shift/50'), started('shift/100', 8, OLD));
  expect(all.map(({ release, ended }) => [release, ended?.as])).toEqual([
    [OLD, 'promoted'],
    [NEW, 'back'],
  ]);
});

test('it is over where the stream says that it ended, however it did', () => {
  const ended: Entry = {
    type: 'canary.ended',
    data: { release: NEW, fence: 7, end: 'fenced', live: OLD, reason: '' },
  };
  expect(canaryOf(fold(started('shift/50'), finished('shift/50'), ended), NEW)).toMatchObject({
    percent: 0,
    ended: { as: 'back', at: 102 },
  });
});

test('it ends promoted, or with its traffic back, whichever comes first', () => {
  const all = [started('shift/100'), finished('shift/100')];
  expect(canaryOf(fold(...all, released('deploy')), NEW)?.ended).toEqual({ as: 'promoted', at: 102 });
  const back = canaryOf(fold(...all, judged(100, 'degraded'), started('undo:shift/100')), NEW);
  expect(back).toMatchObject({ percent: 0, ended: { as: 'back', at: 103 } });
});

test('a rollback shifts traffic and is no canary; another deploy of the same release is another', () => {
  expect(
    fold(started('shift/100', 9, OLD), finished('shift/100', 9, OLD), released('rollback', OLD, 9)),
  ).toEqual([]);
  const twice = fold(started('shift/10', 7), started('undo:shift/10', 7), started('shift/10', 8));
  expect(twice.map((one) => [one.fence, one.ended?.as ?? null])).toEqual([
    [7, 'back'],
    [8, null],
  ]);
});
