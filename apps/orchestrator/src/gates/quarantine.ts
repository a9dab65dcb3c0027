import { type GitSha, type Held, held, isSame, type ReleaseId, type RepoName } from '@millwright/domain';
import { isNear, shapeOf } from '@millwright/policy';

import { historySince } from '../source-control/history.ts';
import type { Repositories } from '../source-control/repositories.ts';
import type { Repository } from '../source-control/repository.ts';
import type { Register } from '../streams/register.ts';

type Ports = { register: Pick<Register, 'look'>; repositories: Repositories };

/** What a candidate holds of what is in quarantine; for the gate. */
export type QuarantineFact = { commit: GitSha; release: ReleaseId } & Held;

/** What of this repository's quarantine the history of `candidate` holds. `live` is the commit that serves, or null. */
export async function heldBy(
  factory: Ports,
  name: RepoName,
  candidate: GitSha,
  live: GitSha | null,
): Promise<QuarantineFact[]> {
  const quarantine = (await factory.register.look()).quarantine(name);
  if (quarantine.length === 0) return [];
  const repo = await factory.repositories.open(name);
  const found = await Promise.all(
    quarantine.map(async ({ commit, release }) => {
      const [bad, history, difference] = await Promise.all([
        patchesOf(repo, commit),
        historySince(repo, candidate, commit),
        likenessOf(repo, live ?? candidate, candidate),
      ]);
      const how = held({ commit, release, ...bad }, history, candidate, difference);
      return how === null ? [] : [{ commit, release, ...how }];
    }),
  );
  return found.flat();
}

/** What of the quarantine a change is, patch for patch or but for white space. What its base holds is not its own fault. */
export async function sameAs(
  factory: Ports,
  name: RepoName,
  base: GitSha,
  candidate: GitSha,
): Promise<QuarantineFact[]> {
  const quarantine = (await factory.register.look()).quarantine(name);
  if (quarantine.length === 0) return [];
  const repo = await factory.repositories.open(name);
  const change = await likenessOf(repo, base, candidate);
  const found = await Promise.all(
    quarantine.map(async ({ commit, release }) =>
      isSame(await patchesOf(repo, commit), change)
        ? [{ commit, release, how: 'patch' as const, as: candidate }]
        : [],
    ),
  );
  return found.flat();
}

/**
 * What of the quarantine has most of itself in the change from one tree to another, in words for people; without what is `held` in it
 * whole, which is another fact.
 */
export async function nearTo(
  factory: Ports,
  name: RepoName,
  from: GitSha,
  to: GitSha,
  held: readonly QuarantineFact[] = [],
): Promise<string[]> {
  const whole = new Set(held.map(({ commit }) => commit));
  const all = (await factory.register.look()).quarantine(name);
  const quarantine = all.filter(({ commit }) => !whole.has(commit));
  if (quarantine.length === 0) return [];
  const repo = await factory.repositories.open(name);
  const change = await textOf(repo, from, to);
  const found = await Promise.all(
    quarantine.map(async ({ commit, release }) => {
      const { commit: before } = await repo.at(`${commit}^`);
      return isNear(await textOf(repo, before, commit), change)
        ? [`${release} (${commit.slice(0, 10)})`]
        : [];
    }),
  );
  return found.flat();
}

const textOf = async (repo: Repository, from: GitSha, to: GitSha): Promise<string> =>
  (await repo.diff(from, to)).toString('utf8');

const likenessOf = async (repo: Repository, from: GitSha, to: GitSha) => ({
  patch: await repo.patchId(from, to),
  shape: shapeOf(await textOf(repo, from, to)),
});

async function patchesOf(repo: Repository, commit: GitSha) {
  const { commit: before } = await repo.at(`${commit}^`);
  const [own, reverse] = await Promise.all([likenessOf(repo, before, commit), repo.patchId(commit, before)]);
  return { ...own, reverse };
}
