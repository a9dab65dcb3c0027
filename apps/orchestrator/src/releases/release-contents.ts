import { type GitSha, getJson, Release, type ReleaseId, type TicketId } from '@millwright/domain';
import type { Factory } from '../factory.ts';
import type { ReleaseInfo } from '../views/world.ts';

const MOST = 50;

export type ReleaseContents = { tickets: TicketId[]; commits: { commit: GitSha; title: string }[] };

/** What a release brings that the one before it did not: its commits, newest first, 50 at most, and the tickets that they were made for. */
export async function releaseContents(
  factory: Factory,
  info: ReleaseInfo,
  release: Release,
): Promise<ReleaseContents> {
  const repo = await factory.repositories.open(info.repo);
  const before = releaseBefore(factory, info);
  const from =
    before === undefined
      ? (await repo.at(`${release.commit}^`)).commit
      : (await getJson(factory.store.artifacts, Release, before.artifact)).commit;
  const commits = await repo.commits(from, release.commit, MOST);
  const here = new Set(commits.map(({ commit }) => commit));
  const tickets = [...factory.world.runs.values()].flatMap(({ state }) =>
    state.kind === 'run' &&
    state.repo === info.repo &&
    state.merge?.kind === 'finished' &&
    here.has(state.merge.commit)
      ? [state.ticket]
      : [],
  );
  return { tickets: [...new Set(tickets)], commits };
}

/** The release that served when this one was deployed, or was built: what it is compared with. */
function releaseBefore(factory: Factory, info: ReleaseInfo): ReleaseInfo | undefined {
  const { history } = factory.world.target(info.repo);
  const served = history.find((one) => one.release === info.id);
  const before: ReleaseId | null | undefined = served
    ? served.previous
    : history.findLast((one) => one.at <= info.builtAt)?.release;
  return before ? factory.world.releases.get(before) : undefined;
}
