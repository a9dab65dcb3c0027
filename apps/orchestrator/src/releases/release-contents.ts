import {
  type GitSha,
  getJson,
  Release,
  type ReleaseId,
  type RepoName,
  type TicketId,
} from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { Repositories } from '../source-control/repositories.ts';
import type { Forward } from '../streams/forward.ts';
import type { Register, ReleaseBrief } from '../streams/register.ts';

type Ports = { forward: Forward; register: Register; repositories: Repositories; store: Store };

const MOST = 50;

export type ReleaseContents = { tickets: TicketId[]; commits: { commit: GitSha; title: string }[] };

/** What a release brings that the one before it did not: its commits, newest first, 50 at most, and the tickets that they were made for. */
export async function releaseContents(
  factory: Ports,
  info: ReleaseBrief,
  release: Release,
): Promise<ReleaseContents> {
  const repo = await factory.repositories.open(info.repo);
  const before = await releaseBefore(factory, info);
  const from =
    before === undefined
      ? (await repo.at(`${release.commit}^`)).commit
      : (await getJson(factory.store.artifacts, Release, before.artifact)).commit;
  const commits = await repo.commits(from, release.commit, MOST);
  return { tickets: ticketsIn(await mergesOf(factory, info.repo), commits), commits };
}

type Merges = ReadonlyMap<GitSha, { ticket: TicketId; revert: GitSha | null }>;

/** What was merged, by its commit: for which ticket, and which commit took it back. */
async function mergesOf({ forward, register }: Ports, repo: RepoName): Promise<Merges> {
  const [{ reverts }, known] = await Promise.all([forward.target(repo), register.look()]);
  const merges = new Map<GitSha, { ticket: TicketId; revert: GitSha | null }>();
  for (const { ticket, release, merge, revert } of known.runs(repo)) {
    if (merge?.kind !== 'finished') continue;
    const own = revert?.kind === 'finished' ? revert.commit : null;
    const byHand = reverts.findLast((one) => one.release === release?.release)?.commit ?? null;
    merges.set(merge.commit, { ticket, revert: own ?? byHand });
  }
  return merges;
}

/** Whose change these commits bring, each once; one that they bring and take back again is not in what they make. */
function ticketsIn(merges: Merges, commits: ReleaseContents['commits']): TicketId[] {
  const here = new Set(commits.map(({ commit }) => commit));
  const tickets = commits.flatMap(({ commit }) => {
    const merge = merges.get(commit);
    return merge === undefined || (merge.revert !== null && here.has(merge.revert)) ? [] : [merge.ticket];
  });
  return [...new Set(tickets)];
}

/** Of a page of releases at once, oldest first: git is asked once a repository, however many there are. */
export async function contentsOfEach(
  factory: Ports,
  page: readonly { info: ReleaseBrief; release: Release }[],
): Promise<Map<ReleaseId, ReleaseContents>> {
  const contents = new Map<ReleaseId, ReleaseContents>();
  for (const name of new Set(page.map(({ info }) => info.repo))) {
    const rows = page.filter(({ info }) => info.repo === name);
    const from = await Promise.all(rows.map(({ info }) => commitBefore(factory, info)));
    const repo = await factory.repositories.open(name);
    const heads = [...new Set(rows.map(({ release }) => release.commit))];
    const line = await repo.commitsOf(heads, MOST * (page.length + 1));
    const at = new Map(line.map(({ commit }, index) => [commit, index]));
    const merges = await mergesOf(factory, name);
    rows.forEach(({ info, release }, index) => {
      const first = at.get(release.commit) ?? 0;
      const before = from[index] ?? null;
      const end = before === null ? first + 1 : (at.get(before) ?? first + 1);
      const commits = line.slice(first, Math.min(Math.max(end, first), first + MOST));
      contents.set(info.id, { tickets: ticketsIn(merges, commits), commits });
    });
  }
  return contents;
}

async function commitBefore(factory: Ports, info: ReleaseBrief): Promise<GitSha | null> {
  const before = await releaseBefore(factory, info);
  return before === undefined
    ? null
    : (await getJson(factory.store.artifacts, Release, before.artifact)).commit;
}

/** The release that served when this one was deployed, or was built: what it is compared with. */
async function releaseBefore(factory: Ports, info: ReleaseBrief): Promise<ReleaseBrief | undefined> {
  const { history } = await factory.forward.target(info.repo);
  const served = history.find((one) => one.release === info.id);
  const before: ReleaseId | null | undefined = served
    ? served.previous
    : history.findLast((one) => one.at <= info.builtAt)?.release;
  return before ? (await factory.register.look()).release(before) : undefined;
}
