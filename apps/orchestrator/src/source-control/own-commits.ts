import type { CommitAndTree, GitSha } from '@millwright/domain';

/** A run makes two or three. */
const HELD = 256;

/** The commits that this process made last: what is known of them is not asked of git. */
export class Made {
  readonly #held = new Map<GitSha, { tree: GitSha; parent: GitSha }>();

  note(commit: GitSha, tree: GitSha, parent: GitSha): void {
    this.#held.set(commit, { tree, parent });
    const [oldest] = this.#held.keys();
    if (this.#held.size > HELD && oldest !== undefined) this.#held.delete(oldest);
  }

  at(commit: GitSha): CommitAndTree | null {
    const made = this.#held.get(commit);
    return made === undefined ? null : { commit, tree: made.tree };
  }

  /** Whether one is the other's ancestor, where one of them was made on the other; else null. */
  isAncestor(commit: GitSha, of: GitSha): boolean | null {
    if (this.#held.get(of)?.parent === commit) return true;
    return this.#held.get(commit)?.parent === of ? false : null;
  }
}
