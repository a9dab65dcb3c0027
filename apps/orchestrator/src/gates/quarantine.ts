import type { GitSha, Held, ReleaseId, RepoName } from '@millwright/domain';
import { held } from '@millwright/domain';
import type { Factory } from '../factory.ts';
import { historySince } from '../source-control/history.ts';
import type { Repository } from '../source-control/repository.ts';

/** What a candidate holds of what is in quarantine; for the gate. */
export type QuarantineFact = { commit: GitSha; release: ReleaseId } & Held;

/** What of this repository's quarantine the history of `candidate` holds. `live` is the commit that serves, or null. */
export async function heldBy(
  factory: Factory,
  name: RepoName,
  candidate: GitSha,
  live: GitSha | null,
): Promise<QuarantineFact[]> {
  const quarantine = factory.world.quarantine(name);
  if (quarantine.length === 0) return [];
  const repo = await factory.repositories.open(name);
  const found = await Promise.all(
    quarantine.map(async ({ commit, release }) => {
      const [bad, history, difference] = await Promise.all([
        patchesOf(repo, commit),
        historySince(repo, candidate, commit),
        repo.patchId(live ?? candidate, candidate),
      ]);
      const how = held({ commit, release, ...bad }, history, candidate, difference);
      return how === null ? [] : [{ commit, release, ...how }];
    }),
  );
  return found.flat();
}

/** What of the quarantine a change is, patch for patch. What its base holds is not its own fault. */
export async function sameAs(
  factory: Factory,
  name: RepoName,
  patch: string,
  candidate: GitSha,
): Promise<QuarantineFact[]> {
  const repo = await factory.repositories.open(name);
  const found = await Promise.all(
    factory.world.quarantine(name).map(async ({ commit, release }) => {
      const bad = await patchesOf(repo, commit);
      return bad.patch === patch ? [{ commit, release, how: 'patch' as const, as: candidate }] : [];
    }),
  );
  return found.flat();
}

async function patchesOf(repo: Repository, commit: GitSha) {
  const { commit: before } = await repo.at(`${commit}^`);
  const [patch, reverse] = await Promise.all([repo.patchId(before, commit), repo.patchId(commit, before)]);
  return { patch, reverse };
}
