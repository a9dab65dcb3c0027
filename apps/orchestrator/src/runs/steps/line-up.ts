import type { Clock, RepoName } from '@millwright/domain';
import {
  branchUnder,
  type CommitAndTree,
  type EntryOf,
  lineUp,
  type Queued,
  type Run,
  type RunId,
  retryable,
  terminal,
  turnOf,
} from '@millwright/domain';
import type { Repositories } from '../../source-control/repositories.ts';
import type { Repository } from '../../source-control/repository.ts';
import type { LocalLeases } from '../../streams/local-leases.ts';
import type { Register } from '../../streams/register.ts';
import type { Streams } from '../../streams/streams.ts';
import type { Journal, StepResult } from '../step.ts';

type Ports = {
  clock: Clock;
  merges: LocalLeases<RepoName>;
  register: Register;
  repositories: Repositories;
  streams: Streams;
};

// A place in the repository's merge queue (libs/domain/src/run/queue.ts). Lined up one at a time a repository, in the lease of its merges, on
// what their streams say then: two never follow the same run.

/** The run as it was loaded, among the others of its repository. */
async function standing(factory: Ports, run: Run) {
  const registered = await factory.register.look();
  const queue = registered.queue(run.repo);
  const me: Queued = {
    run,
    place: queue.find((one) => one.run.id === run.id)?.place ?? Number.POSITIVE_INFINITY,
  };
  const runs = (id: RunId) => (id === run.id ? run : registered.run(id));
  return { me, queue, runs };
}

/** Its repository is delivered to as branches, which nobody merges here. */
export const toBranch = async ({ streams }: Pick<Ports, 'streams'>, run: Run): Promise<boolean> =>
  (await streams.repository(run.repo).look()).added?.deliver === 'branch';

/** Whether the run may merge as it was tested, has to wait for those before it, or to be lined up anew since they left. */
export async function turn(factory: Ports, run: Run): Promise<ReturnType<typeof turnOf>> {
  if (await toBranch(factory, run)) return 'now';
  const { me, queue, runs } = await standing(factory, run);
  return turnOf(me, queue, runs);
}

/** Takes the run's place, or keeps it where those before it have changed; null while it has to wait for them. */
export async function lineUpRun(factory: Ports, run: Run, journal: Journal): Promise<StepResult> {
  return factory.merges.run(run.repo, async () => {
    const entry = await linedUp(factory, run);
    if (entry === null) return null;
    await journal(entry);
    return null;
  });
}

async function linedUp(
  factory: Ports,
  run: Run,
): Promise<EntryOf<'change.queued'> | EntryOf<'base.moved'> | null> {
  // A branch of its own has nobody before it.
  if (await toBranch(factory, run)) return { type: 'change.queued', data: { behind: null } };
  const { me, queue, runs } = await standing(factory, run);
  const place = lineUp(me, queue, runs);
  if (place.kind === 'wait') return null;
  const repo = await factory.repositories.open(run.repo);
  const head = await fetched(repo);
  const behind = place.kind === 'behind' ? place.run : null;
  const base = place.kind === 'behind' ? place.base : head;
  const rewritten = await isRewritten(repo, run, branchUnder(run, runs), head);
  if (base.commit === run.base.commit && !rewritten) return { type: 'change.queued', data: { behind } };
  const moved = await carry(factory, repo, run, base, { behind, rewritten });
  // What conflicts with a change that is not merged yet waits for that one's outcome.
  return moved.data.conflict !== null && behind !== null ? null : moved;
}

export async function fetched(repo: Repository): Promise<CommitAndTree> {
  const head = await repo.fetch();
  if ('kind' in head) throw retryable('remote', `${repo.url}: ${head.reason}`);
  return head;
}

/** Somebody took off the branch what the run stood on: only a person can know whether its change is still meant. */
const isRewritten = async (
  repo: Repository,
  run: Run,
  under: CommitAndTree['commit'],
  head: CommitAndTree,
): Promise<boolean> => !run.rewritten && !(await repo.isAncestor(under, head.commit));

/** The same check for a run whose turn it is. */
export async function rewrittenUnder(factory: Ports, repo: Repository, run: Run, head: CommitAndTree) {
  const { runs } = await standing(factory, run);
  return isRewritten(repo, run, branchUnder(run, runs), head);
}

const alsoAdded = (paths: readonly string[]): string =>
  paths.length === 0 ? '' : `; what both add to ${paths.join(', ')} is there, one after the other`;

/** Puts the run's own patch onto another base. What that base lost since is not in the patch, and does not come back with it. */
export async function carry(
  factory: Ports,
  repo: Repository,
  run: Run,
  base: CommitAndTree,
  { behind, rewritten }: { behind: RunId | null; rewritten: boolean },
): Promise<EntryOf<'base.moved'>> {
  const { own } = run;
  if (!own) throw terminal('step-without-input', 'there is no change to carry over');
  const merged = await repo.mergeUniting(own.base, base.commit, own.commit, 'rebased', factory.clock.now());
  const conflict = merged.kind === 'conflict' ? { start: merged.tree, paths: merged.paths } : null;
  const why = rewritten
    ? `the branch was rewritten: ${run.base.commit.slice(0, 10)} is not on it any more; only the patch was carried over`
    : behind === null
      ? 'the branch moved on; rebased'
      : `it follows ${behind} in the merge queue`;
  return {
    type: 'base.moved',
    data: {
      base,
      behind,
      rewritten,
      head: merged.kind === 'merged' ? { commit: merged.commit, tree: merged.tree } : null,
      conflict,
      reason: (merged.kind === 'conflict' ? merged.message : `${why}${alsoAdded(merged.united)}`).slice(
        0,
        4_000,
      ),
    },
  };
}
