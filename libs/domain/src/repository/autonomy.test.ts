import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Entry, type ReleaseId, type RepoName, type RunId, TicketKind } from '../index.ts';
import {
  type Autonomy,
  dropAfterCritical,
  dropAfterRollback,
  earnedRaise,
  evolveAutonomy,
  NO_AUTONOMY,
  recordReverted,
  recordServed,
  stepFor,
} from './autonomy.ts';

const repo = 'shop' as RepoName;
const release = (n: number) => `rel_${n}` as ReleaseId;
const run = (n: number) => `run_${n}` as RunId;
const AFTER = 3;

const after = (...entries: Entry[]) =>
  entries.reduce((state, entry) => evolveAutonomy(state, entry, 1), NO_AUTONOMY);
const set = (step: number, kind?: TicketKind): Entry => ({
  type: 'repo.step-set',
  data: { repo, step, ...(kind ? { kind } : {}), reason: '' },
});
const drop = (state: Autonomy, kind: TicketKind, of: ReleaseId): Autonomy => {
  const dropped = dropAfterRollback(state, kind, of);
  if (dropped === null) return state;
  return evolveAutonomy(
    state,
    { type: 'autonomy.dropped', data: { repo, kind, ...dropped, cause: 'rolled_back', release: of } },
    1,
  );
};
const serve = (state: Autonomy, kind: TicketKind, ...runs: number[]): Autonomy =>
  runs.reduce((now, n) => recordServed(now, kind, run(n)), state);

describe('an automatic rollback', () => {
  test('costs its own kind of change one step, and no other kind', () => {
    const state = drop(after(set(7)), 'feature', release(1));
    expect(TicketKind.options.map((kind) => stepFor(state, [kind]))).toEqual(
      TicketKind.options.map((kind) => (kind === 'feature' ? 6 : 7)),
    );
    expect(stepFor(state, ['bug', 'feature'])).toBe(6);
    expect(stepFor(state, [])).toBe(7);
  });

  test('counts once a release, however often it is drawn', () => {
    const once = drop(after(set(7)), 'feature', release(1));
    expect(dropAfterRollback(once, 'feature', release(1))).toBeNull();
    expect(dropAfterRollback(once, 'feature', release(2))).toEqual({ from: 6, to: 5 });
  });

  test('leaves step 0 as it is', () => {
    expect(dropAfterRollback(after(set(0)), 'bug', release(1))).toBeNull();
  });
});

test('a critical incident takes every step above 5 from every kind of change, and nothing from 5 down', () => {
  expect(dropAfterCritical(after(set(7)))).toEqual({ from: 7, to: 5 });
  expect(dropAfterCritical(after(set(5)))).toBeNull();
  const data = { repo, kind: null, from: 7, to: 5, cause: 'critical_incident', release: null } as const;
  expect(stepFor(after(set(7), { type: 'autonomy.dropped', data }), ['docs'])).toBe(5);
});

describe('a raise', () => {
  const demoted = drop(drop(after(set(7)), 'feature', release(1)), 'feature', release(2));

  test('is earned by releases of that kind that serve since, one step at a time, each step anew', () => {
    expect(earnedRaise(serve(demoted, 'feature', 1, 2, 2), 'feature', AFTER)).toBeNull();
    expect(earnedRaise(serve(demoted, 'bug', 1, 2, 3), 'feature', AFTER)).toBeNull();
    const ready = serve(demoted, 'feature', 1, 2, 3);
    expect(earnedRaise(ready, 'feature', AFTER)).toEqual({ from: 5, to: 6, runs: [1, 2, 3].map(run) });
    const raised = evolveAutonomy(ready, set(6, 'feature'), 2);
    expect(stepFor(raised, ['feature'])).toBe(6);
    expect(earnedRaise(raised, 'feature', AFTER)).toBeNull();
    const whole = evolveAutonomy(serve(raised, 'feature', 4, 5, 6), set(7, 'feature'), 3);
    expect(whole.lost.size).toBe(0);
  });

  test('counts nothing that was taken back since, nor what served before the last fall', () => {
    expect(
      earnedRaise(recordReverted(serve(demoted, 'feature', 1, 2, 3), 'feature', run(2)), 'feature', AFTER),
    ).toBeNull();
    expect(
      earnedRaise(drop(serve(demoted, 'feature', 1, 2, 3), 'feature', release(3)), 'feature', AFTER),
    ).toBeNull();
  });

  test('of the repository brings no kind back that fell, nor does lowering it first', () => {
    const lowered = evolveAutonomy(demoted, set(3), 2);
    expect(stepFor(lowered, ['feature'])).toBe(3);
    expect(stepFor(evolveAutonomy(lowered, set(7), 3), ['feature'])).toBe(5);
    const around = [set(3, 'feature'), set(7)].reduce((now, entry) => evolveAutonomy(now, entry, 3), lowered);
    expect(around.lost.get('feature')).toMatchObject({ to: 3, upTo: 5, whole: 7 });
  });
});

test('all that was rolled back since it was whole is kept, whatever a person sets in between; whole again, nothing is', () => {
  const demoted = drop(
    evolveAutonomy(drop(after(set(7)), 'bug', release(1)), set(3, 'bug'), 2),
    'bug',
    release(2),
  );
  expect(demoted.lost.get('bug')).toMatchObject({ release: release(2), releases: [release(1), release(2)] });
  const raised = evolveAutonomy(demoted, set(7, 'bug'), 3);
  expect(drop(raised, 'bug', release(3)).lost.get('bug')?.releases).toEqual([release(3)]);
});

test('what a person lowers comes back by a person’s word, as far as nothing was rolled back meanwhile', () => {
  const lowered = after(set(7), set(3, 'bug'));
  expect(lowered.lost.get('bug')).toMatchObject({ to: 3, upTo: 7, release: null });
  expect(evolveAutonomy(lowered, set(7, 'bug'), 2).lost.size).toBe(0);
  const demoted = drop(lowered, 'bug', release(1));
  expect(demoted.lost.get('bug')).toMatchObject({ to: 2, upTo: 6 });
  const back = evolveAutonomy(serve(demoted, 'bug', 1, 2), set(6, 'bug'), 2);
  expect(back.lost.get('bug')).toMatchObject({
    to: 6,
    upTo: 6,
    release: release(1),
    served: [1, 2].map(run),
  });
  expect(earnedRaise(serve(back, 'bug', 3), 'bug', AFTER)).toMatchObject({ from: 6, to: 7 });
});

test('whatever happens, only a person raises a step', () => {
  const kind = fc.constantFrom(...TicketKind.options);
  const happening = fc.oneof(
    fc.record({ what: fc.constant('rollback'), kind, n: fc.nat(5) }),
    fc.record({ what: fc.constant('critical'), kind, n: fc.nat(5) }),
    fc.record({ what: fc.constant('served'), kind, n: fc.nat(5) }),
    fc.record({ what: fc.constant('reverted'), kind, n: fc.nat(5) }),
    fc.record({ what: fc.constant('proposed'), kind, n: fc.nat(5) }),
  );
  const next = (state: Autonomy, { what, kind: of, n }: { what: string; kind: TicketKind; n: number }) => {
    switch (what) {
      case 'rollback':
        return drop(state, of, release(n));
      case 'critical': {
        const dropped = dropAfterCritical(state);
        const data = { repo, kind: null, ...(dropped ?? { from: 0, to: 7 }), release: null } as const;
        return evolveAutonomy(state, { type: 'autonomy.dropped', data: { ...data, cause: 'stuck' } }, n);
      }
      case 'served':
        return recordServed(state, of, run(n));
      case 'reverted':
        return recordReverted(state, of, run(n));
      default: {
        const data = { repo, kind: of, from: 0, to: 7, runs: [] };
        return evolveAutonomy(state, { type: 'autonomy.raise-proposed', data }, n);
      }
    }
  };
  fc.assert(
    fc.property(fc.nat(7), fc.array(happening, { maxLength: 40 }), (step, happenings) => {
      let state = after(set(step));
      for (const one of happenings) {
        const before = TicketKind.options.map((of) => stepFor(state, [of]));
        state = next(state, one);
        for (const [i, of] of TicketKind.options.entries())
          expect(stepFor(state, [of])).toBeLessThanOrEqual(before[i] ?? 0);
      }
    }),
  );
});
