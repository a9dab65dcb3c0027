import type { GitSha, PatchId, ReleaseId } from './ids.ts';

// What was rolled back ships again only without what was bad in it. Pure: the orchestrator reads the history, this judges it.

/** A commit whose release was rolled back. */
export type Bad = {
  readonly commit: GitSha;
  readonly release: ReleaseId;
  /** Its patch, and the patch that takes it back. */
  readonly patch: PatchId;
  readonly reverse: PatchId;
};
/** One commit of the history that is to ship. `undoes`: its tree is what taking the bad patch back at its place gives. */
export type Historic = { readonly commit: GitSha; readonly patch: PatchId; readonly undoes: boolean };

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
  difference: PatchId,
): Held | null {
  let last: Held | null = null;
  for (const { commit, patch, undoes } of history) {
    if (commit === bad.commit) last = { how: 'commit', as: commit };
    else if (patch === bad.patch && patch !== NO_PATCH) last = { how: 'patch', as: commit };
    else if (undoes || (patch === bad.reverse && patch !== NO_PATCH)) last = null;
  }
  if (last !== null) return last;
  return difference === bad.patch && difference !== NO_PATCH ? { how: 'difference', as: candidate } : null;
}
