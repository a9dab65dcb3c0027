import type { Entry, GitSha, Instant, ReleaseId, RepoName } from '@millwright/domain';

/** A commit that does not ship again until its revert is there too or a person lifts it. */
export type Quarantined = {
  readonly commit: GitSha;
  readonly release: ReleaseId;
  /** Its canary took it back, or a rollback did after it was promoted. */
  readonly by: 'canary' | 'rollback';
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

  #add(release: ReleaseId, by: Quarantined['by'], at: Instant, known: Known): void {
    const of = known(release);
    if (of === null) return;
    const repo = this.#repos.get(of.repo) ?? new Map<GitSha, Quarantined>();
    repo.set(of.commit, { commit: of.commit, release, by, at });
    this.#repos.set(of.repo, repo);
  }
}
