import {
  type Autonomy,
  type Drop,
  dropAfterCritical,
  dropAfterRollback,
  type EntryOf,
  type ReleaseId,
  type RepoName,
  repositoryStream,
  type TicketKind,
} from '@millwright/domain';
import type { DeployResult, PrepareResult } from '@millwright/rollback';
import { ORCHESTRATOR } from '../streams/actor.ts';
import type { Register } from '../streams/register.ts';
import type { Streams } from '../streams/streams.ts';

type Ports = { register: Register; streams: Streams };

type Cause = EntryOf<'autonomy.dropped'>['data']['cause'];

/**
 * The factory took these releases back by itself: each one's kind of change is demoted, once a release. Awaited before the outcome of
 * what took them back is recorded: a factory that is killed in between finds the outcome missing and comes by here again.
 */
export async function demoteAfterRollback(
  factory: Ports,
  repo: RepoName,
  releases: readonly ReleaseId[],
): Promise<void> {
  const registered = await factory.register.look();
  for (const release of releases) {
    const run = registered.runOf(release);
    const kind = run && registered.kindOf(run);
    if (kind !== undefined)
      await demote(factory, repo, kind, 'rolled_back', release, (now) =>
        dropAfterRollback(now, kind, release),
      );
  }
}

/** Whether what went back was found to be bad: not what a person stopped, nor what could not be judged for want of traffic. */
export const blames = (result: DeployResult | PrepareResult): boolean =>
  result.kind === 'rolled_back' && (result.verdict === 'degraded' || result.verdict === 'never_healthy');

/** A critical incident, or a target that could not go back: no kind of change goes by itself any more. */
export const demoteAfterCritical = (
  factory: Ports,
  repo: RepoName,
  cause: Exclude<Cause, 'rolled_back'>,
  release: ReleaseId | null,
): Promise<void> => demote(factory, repo, null, cause, release, dropAfterCritical);

async function demote(
  factory: Ports,
  repo: RepoName,
  kind: TicketKind | null,
  cause: Cause,
  release: ReleaseId | null,
  dropped: (now: Autonomy) => Drop | null,
): Promise<void> {
  await factory.streams.appendShown(repositoryStream(repo), ORCHESTRATOR, ({ state }) => {
    const drop = dropped(state.autonomy);
    return drop && { type: 'autonomy.dropped', data: { repo, kind, ...drop, cause, release } };
  });
}
