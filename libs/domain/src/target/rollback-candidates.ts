import type { ReleaseId } from '../ids.ts';
import type { TargetState } from './state.ts';

// Where a rollback goes, and where its undo goes: read off the target's history alone.

type History = TargetState['history'];

/**
 * `good`: releases that served and were not left since, oldest first; the last one is live. `left`: what each rollback left, newest first, its
 * live release in front: a rollback over several leaves them all, and a deploy of what it left brings them all back (they are in its history).
 */
function fold(history: History): { good: ReleaseId[]; left: ReleaseId[][] } {
  let good: ReleaseId[] = [];
  let left: ReleaseId[][] = [];
  for (const { release, by } of history) {
    const at = good.lastIndexOf(release);
    const back = by === 'deploy' ? left.find(([first]) => first === release) : undefined;
    left = left
      .filter((each) => each !== back)
      .map((each) => each.filter((id) => id !== release))
      .filter((each) => each.length > 0);
    if (by === 'rollback') {
      // To one that is not among them: only the live one is left then.
      const over = at < 0 ? good.slice(-1) : good.slice(at + 1);
      if (over.length > 0) left = [...left, over.reverse()];
      good = at < 0 ? [...good.slice(0, -1), release] : good.slice(0, at + 1);
    } else {
      good = [...good.filter((id) => id !== release), ...(back ?? []).slice(1).reverse(), release];
    }
  }
  return { good, left };
}

/** The newest good release before the live one. Null where there is none. */
export function previousGood({ live, history }: TargetState): ReleaseId | null {
  return candidates({ live, history }).at(0) ?? null;
}

/** Releases that a rollback may go to, newest first: those that served before the live one and were not left by a rollback. */
export function candidates({ history }: Pick<TargetState, 'live' | 'history'>): ReleaseId[] {
  return fold(history).good.slice(0, -1).reverse();
}

/** What a rollback to `to` would leave, newest first: the live release, and those between the two. */
export function leaves({ history }: Pick<TargetState, 'history'>, to: ReleaseId): ReleaseId[] {
  const { good } = fold(history);
  const at = good.lastIndexOf(to);
  return (at < 0 ? good.slice(-1) : good.slice(at + 1)).reverse();
}

/** Releases that a rollback left, and that do not serve again: newest first of the newest rollback. */
export const leftOf = ({ history }: Pick<TargetState, 'history'>): ReleaseId[] =>
  fold(history).left.reverse().flat();

/** What the last change of this target left by going back, or brought back by going forward again; with the one it was about, in front. */
export function movedLast({ history }: Pick<TargetState, 'history'>): ReleaseId[] {
  const [before, last] = [fold(history.slice(0, -1)), history.at(-1)];
  if (last === undefined) return [];
  if (last.by === 'rollback') return leaves({ history: history.slice(0, -1) }, last.release);
  return before.left.find(([first]) => first === last.release) ?? [last.release];
}

/** What the last rollback left, where nothing was deployed since: `rollback undo` goes there. */
export function leftBehind({ live, history }: TargetState): ReleaseId | null {
  const last = history.at(-1);
  return last?.by === 'rollback' && last.release === live ? last.previous : null;
}

/**
 * How often traffic flipped between this release and another: away from it by a rollback, and to it again. 0 for one that never served
 * and for one that was deployed once.
 */
export function switchCount({ history }: TargetState, release: ReleaseId): number {
  const first = history.findIndex((one) => one.release === release);
  if (first < 0) return 0;
  return history
    .slice(first + 1)
    .filter((one) => one.release === release || (one.by === 'rollback' && one.previous === release)).length;
}

/**
 * The fence under which a release without traffic is worked on: the same again where it was the last to be, so that what a killed factory
 * had begun is finished and not begun anew; else the next one.
 */
export function fenceFor({ last, fence }: TargetState, release: ReleaseId): number {
  return last?.release === release && last.fence === fence ? fence : fence + 1;
}
