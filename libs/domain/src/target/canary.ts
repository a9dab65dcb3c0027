import type { Entry } from '../entries/index.ts';
import type { Instant, ReleaseId } from '../ids.ts';

// A canary as its target's stream tells it: which share of traffic the new release had, since when, and what was said of it there.

type CanaryStep = {
  percent: number;
  /** When it had that share; null while the shift is under way. */
  at: Instant | null;
  verdict: 'healthy' | 'degraded' | 'inconclusive' | null;
  reason: string;
  /** What would settle a verdict that is open, and until when that is waited for. */
  needs: string | null;
  until: Instant | null;
};

export type CanaryState = {
  release: ReleaseId;
  fence: number;
  startedAt: Instant;
  steps: CanaryStep[];
  /** The share that it has now. */
  percent: number;
  /** Null while it is under way. `back`: traffic went back. */
  ended: { as: 'promoted' | 'back'; at: Instant } | null;
};

/** So many canaries of a target are remembered, the newest. */
const KEPT = 50;

const SHIFT = /^shift\/(\d+)$/;

/** The canaries of a target after one more entry of its stream, newest last. Pure. */
export function evolveCanaries(
  canaries: readonly CanaryState[],
  entry: Entry,
  at: Instant,
): readonly CanaryState[] {
  switch (entry.type) {
    case 'target.effect-started': {
      const { effect, release, fence } = entry.data;
      if (effect.startsWith('undo:')) return change(canaries, release, fence, (one) => goBack(one, at));
      const share = SHIFT.exec(effect)?.[1];
      if (share === undefined) return canaries;
      const percent = Number(share);
      const step: CanaryStep = { percent, at: null, verdict: null, reason: '', needs: null, until: null };
      const known = canaries.some((one) => is(one, release, fence));
      const last = canaries.at(-1);
      // Without the factory, all traffic was given to what served beside a canary: that one is over, and this is none.
      if (!known && last?.ended === null && last.release !== release && servedBefore(canaries, release))
        return change(canaries, last.release, last.fence, (one) => goBack(one, at));
      const begun: CanaryState = { release, fence, startedAt: at, steps: [], percent: 0, ended: null };
      const all = known ? canaries : [...canaries, begun].slice(-KEPT);
      return change(all, release, fence, (one) => {
        // Held by a freeze, a halt or a stop, its traffic went back, and it begins anew.
        const from = one.ended?.as === 'back' ? begun : one;
        // Killed and taken up again, a deploy shifts to the share that it had reached once more.
        return { ...from, steps: [...from.steps.filter((each) => each.percent !== percent), step] };
      });
    }
    case 'target.effect-finished': {
      const { effect, release, result, key } = entry.data;
      const share = SHIFT.exec(effect)?.[1];
      if (share === undefined || result !== 'done') return canaries;
      const fence = Number(key.split('/')[0]);
      return change(canaries, release, fence, (one) => ({
        ...one,
        percent: Number(share),
        steps: one.steps.map((step) => (step.percent === Number(share) ? { ...step, at } : step)),
      }));
    }
    case 'canary.ended': {
      const { release, fence } = entry.data;
      return change(canaries, release, fence, (one) => goBack(one, at));
    }
    case 'canary.resumed': {
      const { release, fence, as } = entry.data;
      return change(canaries, release, fence, (one) => ({ ...one, fence: as }));
    }
    case 'target.judged': {
      const { release, fence, percent, verdict, reason, needs, until } = entry.data;
      return change(canaries, release, fence, (one) => ({
        ...one,
        steps: one.steps.map((step) =>
          step.percent === percent ? { ...step, verdict, reason, needs, until } : step,
        ),
      }));
    }
    case 'target.released': {
      const { release, fence, by } = entry.data;
      // Going back shifts traffic too, and is no canary.
      if (by === 'rollback') return canaries.filter((one) => !is(one, release, fence));
      return change(canaries, release, fence, (one) => ({
        ...one,
        percent: 100,
        ended: { as: 'promoted', at },
      }));
    }
    default:
      return canaries;
  }
}

const is = (one: CanaryState, release: ReleaseId, fence: number): boolean =>
  one.release === release && one.fence === fence;

const change = (
  canaries: readonly CanaryState[],
  release: ReleaseId,
  fence: number,
  how: (one: CanaryState) => CanaryState,
): readonly CanaryState[] => canaries.map((one) => (is(one, release, fence) ? how(one) : one));

const servedBefore = (canaries: readonly CanaryState[], release: ReleaseId): boolean =>
  canaries.some((one) => one.release === release && one.ended?.as === 'promoted');

const goBack = (one: CanaryState, at: Instant): CanaryState =>
  one.ended === null ? { ...one, percent: 0, ended: { as: 'back', at } } : one;

/** The newest canary of a release, or null where it had none yet. */
export const canaryOf = (canaries: readonly CanaryState[], release: ReleaseId): CanaryState | null =>
  canaries.findLast((one) => one.release === release) ?? null;
