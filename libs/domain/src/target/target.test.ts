import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Entry } from '../entries/index.ts';
import type { Actor, Digest, ReleaseId } from '../ids.ts';
import {
  candidates,
  evolveTarget,
  fenceFor,
  flipsOf,
  freezesOf,
  leaves,
  leftBehind,
  leftOf,
  movedLast,
  noTarget,
  previousGood,
  type TargetState,
} from './index.ts';

const [a, b, c] = ['rel_aaaaaaaa', 'rel_bbbbbbbb', 'rel_cccccccc'] as ReleaseId[] as [
  ReleaseId,
  ReleaseId,
  ReleaseId,
];
const envelope = { at: 1, actor: 'per_annannann' as Actor };
const fold = (...entries: Entry[]): TargetState =>
  entries.reduce((state, entry) => evolveTarget(state, entry, envelope), noTarget());
const served = (
  by: 'deploy' | 'rollback',
  release: ReleaseId,
  previous: ReleaseId | null,
  fence = 1,
): Entry => ({
  type: 'target.released',
  data: { release, previous, fence, by, artifact: null, reason: '' },
});

test.each<[string, TargetState, { to: ReleaseId | null; again: ReleaseId | null; flips: number }]>([
  ['nothing served', fold(), { to: null, again: null, flips: 0 }],
  ['one release', fold(served('deploy', b, null)), { to: null, again: null, flips: 0 }],
  ['two', fold(served('deploy', a, null), served('deploy', b, a)), { to: a, again: null, flips: 0 }],
  [
    'gone back',
    fold(served('deploy', a, null), served('deploy', b, a), served('rollback', a, b)),
    { to: null, again: b, flips: 1 },
  ],
  [
    'gone back, and forward again',
    fold(served('deploy', a, null), served('deploy', b, a), served('rollback', a, b), served('deploy', b, a)),
    { to: a, again: null, flips: 2 },
  ],
  [
    'gone back, and something else since',
    fold(served('deploy', a, null), served('deploy', b, a), served('rollback', a, b), served('deploy', c, a)),
    { to: a, again: null, flips: 1 },
  ],
])('%s', (_name, state, { to, again, flips }) => {
  expect(previousGood(state)).toBe(to);
  expect(leftBehind(state)).toBe(again);
  expect(flipsOf(state, b)).toBe(flips);
});

test('what a deploy leaves over is owed until its retirement has an outcome, or something else has the target', () => {
  const retired = (result: 'done' | 'failed', effect = 'retire'): Entry => ({
    type: 'target.effect-finished',
    data: { key: `1/${b}/${effect}`, effect, release: b, result, reason: '' },
  });
  const out = [served('deploy', a, null), served('deploy', b, a, 7)];
  const owed = { release: b, fence: 7 };
  expect(fold(...out).retires).toEqual(owed);
  expect(fold(...out, retired('done', 'start')).retires).toEqual(owed);
  for (const result of ['done', 'failed'] as const) expect(fold(...out, retired(result)).retires).toBeNull();
  expect(fold(...out, served('rollback', a, b)).retires).toBeNull();
  const started = (fence: number): Entry => ({
    type: 'target.effect-started',
    data: { key: `${fence}/${b}/x`, effect: 'x', release: b, fence },
  });
  expect(fold(...out, started(7)).retires).toEqual(owed);
  expect(fold(...out, started(8)).retires).toBeNull();
});

test('a rollback over several leaves them all; its undo brings them all back, and another deploy none', () => {
  const d = 'rel_dddddddd' as ReleaseId;
  const three = [served('deploy', a, null), served('deploy', b, a), served('deploy', c, b)];
  expect(candidates(fold(...three))).toEqual([b, a]);
  expect(leaves(fold(...three), a)).toEqual([c, b]);
  const back = fold(...three, served('rollback', a, c));
  expect(candidates(back)).toEqual([]);
  expect([leftOf(back), movedLast(back), leftBehind(back)]).toEqual([[c, b], [c, b], c]);
  const again = fold(...three, served('rollback', a, c), served('deploy', c, a));
  expect([candidates(again), leftOf(again), movedLast(again)]).toEqual([[b, a], [], [c, b]]);
  const other = fold(...three, served('rollback', a, c), served('deploy', d, a));
  expect([candidates(other), leftOf(other), movedLast(other)]).toEqual([[a], [c, b], [d]]);
  const deeper = fold(...three, served('rollback', b, c), served('rollback', a, b));
  expect([candidates(deeper), leftOf(deeper), movedLast(deeper)]).toEqual([[], [b, c], [b]]);
});

test('a rollback never goes to the live release, nor to one it left last; the newest comes first', () => {
  const releases = fc.constantFrom(a, b, c, 'rel_dddddddd' as ReleaseId);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), releases), { maxLength: 12 }), (moves) => {
      let state = noTarget();
      for (const [deploys, release] of moves) {
        if (release === state.live) continue;
        if (!deploys && !state.history.some((one) => one.release === release)) continue;
        state = evolveTarget(state, served(deploys ? 'deploy' : 'rollback', release, state.live), envelope);
      }
      const offered = candidates(state);
      expect(offered).not.toContain(state.live);
      expect(new Set(offered).size).toBe(offered.length);
      const again = leftBehind(state);
      if (again !== null) expect(offered).not.toContain(again);
      for (const id of leftOf(state)) expect(offered).not.toContain(id);
      for (const id of offered) expect(state.history.some((one) => one.release === id)).toBe(true);
    }),
  );
});

test('frozen until it is thawed; a call is owed only while it is frozen', () => {
  const frozen: Entry = {
    type: 'target.frozen',
    data: { by: 'factory', release: a, reason: 'r', what: 'w' },
  };
  const paged: Entry = { type: 'target.paged', data: { result: 'sent', reason: '' } };
  expect(fold(frozen).frozen).toMatchObject({ by: 'factory', what: 'w', paged: null });
  expect(fold(frozen, paged).frozen?.paged).toBe('sent');
  expect(fold(frozen, { type: 'target.thawed', data: { reason: '' } }, paged).frozen).toBeNull();
});

test('every freeze in force keeps who, why and since when; one thaw lifts them all', () => {
  const actors = fc.constantFrom('per_annannann', 'per_bobbobbob', 'orchestrator');
  fc.assert(
    fc.property(fc.array(fc.tuple(actors, fc.constantFrom('slow', 'down'))), (said) => {
      let state = noTarget();
      const freezes = said.map(([who, reason], at) => {
        const by = who === 'orchestrator' ? ('factory' as const) : ('person' as const);
        const entry: Entry = { type: 'target.frozen', data: { by, release: null, reason, what: '' } };
        state = evolveTarget(state, entry, { at, actor: who as Actor });
        return { by, who, reason, at };
      });
      const people = freezes.filter(({ by }) => by === 'person');
      // The factory's last says what is to be done now, and is told first.
      const factory = freezes.filter(({ by }) => by === 'factory').slice(-1);
      const told = freezesOf(state.frozen).map(({ by, who, reason, at }) => ({ by, who, reason, at }));
      expect(told).toEqual([...factory, ...people]);
      const thawed: Entry = { type: 'target.thawed', data: { reason: '' } };
      expect(evolveTarget(state, thawed, envelope).frozen).toBeNull();
    }),
  );
});

test('each person asks once for the same undo, and for another anew', () => {
  const asked = (release: ReleaseId): Entry => ({
    type: 'undo.asked',
    data: {
      release,
      live: a,
      subject: 's' as Digest,
      decision: 'needs_approval',
      approvals: 2,
      policies: [],
      facts: 'f' as Digest,
      reason: '',
    },
  });
  const by = (state: TargetState) =>
    state.undo?.kind === 'asked' ? state.undo.by.map((one) => one.person) : null;
  expect(by(fold(asked(b), asked(b)))).toEqual(['per_annannann']);
  const two = evolveTarget(fold(asked(b)), asked(b), { at: 2, actor: 'per_bobbobbob' as Actor });
  expect(by(two)).toEqual(['per_annannann', 'per_bobbobbob']);
  expect(by(evolveTarget(two, asked(c), envelope))).toEqual(['per_annannann']);
  // Whatever serves next ends the wish.
  expect(evolveTarget(two, served('deploy', c, a), envelope).undo).toBeNull();
});

test('the fence stays for a release that was worked on last, and moves on for every other', () => {
  const effect = (release: ReleaseId, fence: number): Entry => ({
    type: 'target.effect-started',
    data: { key: 'k', effect: 'start', release, fence },
  });
  expect(fenceFor(fold(), a)).toBe(1);
  expect(fenceFor(fold(effect(a, 3)), a)).toBe(3);
  expect(fenceFor(fold(effect(a, 3)), b)).toBe(4);
  expect(fenceFor(fold(effect(a, 3), effect(b, 4)), a)).toBe(5);
  expect(fenceFor(fold(effect(a, 3), served('rollback', b, a, 4)), a)).toBe(5);
});
