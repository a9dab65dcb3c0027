import type { OpenTrail } from '@millwright/audit';
import {
  type ForwardAct,
  type ReleaseId,
  type RepoName,
  retryable,
  streamOf,
  type TargetState,
} from '@millwright/domain';
import type { Forward } from '../streams/forward.ts';
import type { Register } from '../streams/register.ts';

type Ports = { forward: Forward; register: Register; trail: OpenTrail };

// What a run's deploy and the undo of a rollback have in common: both go forward on a target, and both may be sent away.

/** What goes to a target of this repository. */
export const deployOf = (repo: RepoName): ForwardAct => ({ action: 'deploy', repo, model: null });

/** Somebody who goes back waits for the target: what would go forward lets go, and comes again. */
export function giveWay(preempted: AbortSignal): void {
  if (preempted.aborted) throw retryable('gives-way', `a rollback goes first: ${preempted.reason}`);
}

/** One release at a time is on its way to serve, also while it is held: another would take its fence. */
export async function waitBehind(
  { register }: Ports,
  { canary, undo }: TargetState,
  release: ReleaseId,
): Promise<void> {
  if (canary === null || canary.release === release) return;
  const open = (await register.look()).runOf(canary.release)?.closed === null;
  // Nobody goes on with one whose run is over, unless an undo brings it out.
  if (open || (undo?.kind === 'started' && undo.release === canary.release))
    throw retryable('gives-way', `${canary.release} goes first: ${canary.held ?? 'its canary is under way'}`);
}

export type Ended = { result: 'rolled_back' | 'failed'; live: ReleaseId | null; evidence: string };

/** How a deploy that was begun under this fence has ended already, its factory not having got to record that; null where it goes on. */
export async function endedAlready(
  factory: Ports,
  repo: RepoName,
  release: ReleaseId,
  fence: number,
): Promise<Ended | null> {
  const recorded = await factory.trail.read(streamOf.target(repo));
  const its = new Set([fence]);
  for (const { entry } of recorded)
    if (entry?.type === 'canary.resumed' && its.has(entry.data.fence)) its.add(entry.data.as);
  for (const { entry } of [...recorded].reverse()) {
    // A fence is taken when a deploy is decided on, and known to its target when it begins: whoever comes in between, while nobody works, takes the same.
    if (entry?.type === 'target.released' && entry.data.release !== release && entry.data.fence >= fence)
      return takenBy(factory, repo, release, fence);
    if (entry?.type !== 'canary.started' && entry?.type !== 'canary.ended') continue;
    if (entry.data.release !== release || !its.has(entry.data.fence)) continue;
    if (entry.type === 'canary.started') return null;
    const { end, live, reason } = entry.data;
    if (end === 'taken_back') return { result: 'rolled_back', live, evidence: reason };
    return end === 'failed' ? { result: 'failed', live, evidence: reason } : null;
  }
  return null;
}

/** Who has the target since, as its stream tells it: a rollback took this release back, or a later deploy came. */
export async function takenBy(
  factory: Ports,
  repo: RepoName,
  release: ReleaseId,
  fence: number,
): Promise<Ended> {
  const recorded = await factory.trail.read(streamOf.target(repo));
  const { live } = await factory.forward.target(repo);
  for (const { entry } of [...recorded].reverse()) {
    const back =
      (entry?.type === 'canary.ended' && entry.data.end === 'taken_back' && entry.data.release === release) ||
      (entry?.type === 'target.released' && entry.data.by === 'rollback' && entry.data.fence >= fence);
    if (back)
      return { result: 'rolled_back', live, evidence: `${release} was taken back: ${entry.data.reason}` };
    // What is live is given back its traffic, by hand or without the factory: its history says nothing new.
    const given =
      entry?.type === 'target.effect-started' &&
      entry.data.effect === 'shift/100' &&
      entry.data.release === live &&
      entry.data.fence > fence;
    if (given)
      return {
        result: 'rolled_back',
        live,
        evidence: `${release} was taken back: all traffic was given to ${live}`,
      };
  }
  return { result: 'failed', live, evidence: 'a later deploy or rollback has the target' };
}
