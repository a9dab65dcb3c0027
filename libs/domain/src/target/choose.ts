import type { ReleaseId } from '../ids.ts';
import type { TargetState } from './state.ts';

// Where a rollback goes, and where its undo goes: read off the target's history alone.

/**
 * The newest good release before the live one: deployed before it, and not itself left by a rollback since it was last deployed. Null
 * where there is none.
 */
export function previousGood({ live, history }: TargetState): ReleaseId | null {
  return candidates({ live, history }).at(0) ?? null;
}

/** Releases that a rollback may go to, newest first: all that served, but the live one and those that were last left by a rollback. */
export function candidates({ live, history }: Pick<TargetState, 'live' | 'history'>): ReleaseId[] {
  const left = new Set<ReleaseId>();
  for (const { by, release, previous } of history) {
    if (by === 'rollback' && previous !== null) left.add(previous);
    if (by === 'deploy') left.delete(release);
  }
  const deploys = history.filter((one) => one.by === 'deploy').map((one) => one.release);
  // Where the live one was gone back to, what came after it does not count as before it.
  const upTo = live === null ? deploys.length : deploys.lastIndexOf(live);
  const before = upTo < 0 ? [] : deploys.slice(0, upTo);
  return [...new Set(before.reverse())].filter((id) => id !== live && !left.has(id));
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
export function flipsOf({ history }: TargetState, release: ReleaseId): number {
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
