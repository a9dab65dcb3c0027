import type { Entry } from '../entries/index.ts';
import type { GitSha, Instant, ReleaseId, RepoName } from '../ids.ts';

/** A commit that does not ship again until its revert is there too or a person lifts it. */
export type Quarantined = {
  readonly commit: GitSha;
  readonly release: ReleaseId;
  /** Its canary took it back, a rollback did after it was promoted, or it was merged and its run ended before it was let out. */
  readonly by: 'canary' | 'rollback' | 'denied';
  readonly at: Instant;
};

type Known = (release: ReleaseId) => { repo: RepoName; commit: GitSha } | null;

/**
 * Folded from the trail: what a canary took back or a rollback left is in; what a person lifts, or serves again, is out. `known` says which
 * commit a release was built from; `moved` which releases went or came back with the entry's (`movedLast`).
 */
export class Quarantine {
  readonly #repos = new Map<RepoName, Map<GitSha, Quarantined>>();

  of(repo: RepoName): Quarantined[] {
    return [...(this.#repos.get(repo)?.values() ?? [])];
  }

  all(): [RepoName, Quarantined[]][] {
    return [...this.#repos.keys()].map((repo) => [repo, this.of(repo)]);
  }

  /** As `all` told it. */
  restore(all: readonly (readonly [RepoName, readonly Quarantined[]])[]): void {
    this.#repos.clear();
    for (const [repo, held] of all) this.#repos.set(repo, new Map(held.map((one) => [one.commit, one])));
  }

  apply(entry: Entry, at: Instant, known: Known, moved: () => readonly ReleaseId[]): void {
    switch (entry.type) {
      case 'deploy.finished':
      case 'undo.finished':
        if (entry.data.result === 'rolled_back') this.#add(entry.data.release, 'canary', at, known);
        return;
      // It never got healthy beside the live one: its run goes back the same way.
      case 'release.rehearsed':
        if (entry.data.result === 'unhealthy') this.#add(entry.data.release, 'canary', at, known);
        return;
      case 'target.released': {
        const { release, by } = entry.data;
        for (const id of by === 'rollback' ? [release] : moved()) {
          const back = known(id);
          if (back !== null) this.#repos.get(back.repo)?.delete(back.commit);
        }
        if (by === 'rollback') for (const id of moved()) this.#add(id, 'rollback', at, known);
        return;
      }
      case 'quarantine.lifted':
        this.#repos.get(entry.data.repo)?.delete(entry.data.commit);
        return;
      default:
        return;
    }
  }

  /** Merged and not let out: it is held from when that is known until it is reverted, or its run goes on. */
  hold(repo: RepoName, commit: GitSha, release: ReleaseId, at: Instant): void {
    this.#put(repo, { commit, release, by: 'denied', at });
  }

  release(repo: RepoName, commit: GitSha): void {
    const held = this.#repos.get(repo);
    if (held?.get(commit)?.by === 'denied') held.delete(commit);
  }

  #add(release: ReleaseId, by: Quarantined['by'], at: Instant, known: Known): void {
    const of = known(release);
    if (of === null) return;
    this.#put(of.repo, { commit: of.commit, release, by, at });
  }

  #put(name: RepoName, one: Quarantined): void {
    const repo = this.#repos.get(name) ?? new Map<GitSha, Quarantined>();
    repo.set(one.commit, one);
    this.#repos.set(name, repo);
  }
}
