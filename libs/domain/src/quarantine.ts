import type { GitSha, PatchId, ReleaseId } from './ids.ts';

// What was rolled back ships again only without what was bad in it. Pure: the orchestrator reads the history, this judges it.

/** A commit whose release was rolled back. */
export type Bad = {
  readonly commit: GitSha;
  readonly release: ReleaseId;
  /** Its patch, and the patch that takes it back. */
  readonly patch: PatchId;
  readonly reverse: PatchId;
  /** Of the patch without white space; null where there is none to compare. */
  readonly shape: string | null;
};
/** One commit of the history that is to ship. `undoes`: its tree is what taking the bad patch back at its place gives. */
export type Historic = {
  readonly commit: GitSha;
  readonly patch: PatchId;
  readonly shape: string | null;
  readonly undoes: boolean;
};

/** How a history holds what was rolled back: the commit itself, its patch under another commit, or both trees' whole difference. */
export type Held = { readonly how: 'commit' | 'patch' | 'difference'; readonly as: GitSha };

const NO_PATCH = '0'.repeat(40);

/**
 * Whether a history holds the bad patch without its revert, as its last word. `history` has every commit that may matter, oldest first:
 * those that are not in the bad commit's past. `difference` is the patch between what serves and what is to ship, which several commits
 * may make together. Messages prove nothing here: a revert is known by what it does.
 */
export function held(
  bad: Bad,
  history: readonly Historic[],
  candidate: GitSha,
  difference: Pick<Historic, 'patch' | 'shape'>,
): Held | null {
  let last: Held | null = null;
  for (const one of history) {
    if (one.commit === bad.commit) last = { how: 'commit', as: one.commit };
    else if (isSame(bad, one)) last = { how: 'patch', as: one.commit };
    else if (one.undoes || (one.patch === bad.reverse && one.patch !== NO_PATCH)) last = null;
  }
  if (last !== null) return last;
  return isSame(bad, difference) ? { how: 'difference', as: candidate } : null;
}

/** The same patch, or the same but for white space. A revert is only one to the letter: in some languages white space is meaning. */
export const isSame = (bad: Pick<Bad, 'patch' | 'shape'>, one: Pick<Historic, 'patch' | 'shape'>): boolean =>
  (one.patch === bad.patch && one.patch !== NO_PATCH) || (one.shape !== null && one.shape === bad.shape);
