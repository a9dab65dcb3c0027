import { messageOf } from '../message-of.ts';
import { checkRun } from '../targets/run-config.ts';
import type { ReleaseRef, Target } from '../targets/target.ts';
import { Fenced } from '../targets/target.ts';
import { unlessAborted } from '../unless-aborted.ts';
import { Effects } from './effect.ts';
import type { DeployOrder, Rehearsal } from './order.ts';

const ASK_MS = 5_000;

/**
 * Undo, tried before it is needed, while users notice nothing: a request goes to the new release on the way that theirs take, at weight 0;
 * another goes back to the live one; traffic is set as it is after an undo, and read back. The caller holds the fence. Only `Fenced` is thrown.
 * Aborted, it is over at once, and says that undo was not shown.
 */
export async function forthAndBack(
  target: Target,
  {
    release,
    live,
    fence,
    clock,
    signal,
  }: Pick<DeployOrder, 'release' | 'live' | 'fence' | 'clock' | 'signal'>,
): Promise<Rehearsal> {
  const start = clock.now();
  const no = (reason: string, fault: 'release' | 'undo' = 'undo'): Rehearsal => ({
    possible: false,
    reason,
    fault,
  });
  try {
    const weights = new Map([[release.id, 0] as const, ...(live === null ? [] : [[live.id, 100] as const])]);
    const there = await target.shift(weights, fence);
    if (there.kind === 'failed') return no(there.reason);
    const forth = await unlessAborted(target.ask(release.id, null, ASK_MS), signal);
    if (!forth.ok) return no(`the new release ${release.id} cannot be reached: ${forth.text}`, 'release');
    if (live === null) return { possible: true, ms: clock.now() - start, to: null };
    const back = await unlessAborted(target.ask(live.id, null, ASK_MS), signal);
    if (!back.ok)
      return no(`the live release ${live.id}, to which undo goes, cannot be reached: ${back.text}`);
    const again = await target.shift(weights, fence);
    if (again.kind === 'failed') return no(again.reason);
    const { serving } = await target.state();
    if (serving.size !== 1 || serving.get(live.id) !== 100)
      return no(`after the rehearsal traffic was not back on ${live.id}`);
    return { possible: true, ms: clock.now() - start, to: live.id };
  } catch (error) {
    if (error instanceof Fenced) throw error;
    return no(messageOf(error));
  }
}

/**
 * Whether undo of this release works here and now, and how long it takes: for the deploy gate, which asks people before traffic moves. The
 * release must run (`prepareRelease` with the same fence). Journaled as the effect `rehearse`. Rejects when the journal fails.
 */
export async function rehearse(target: Target, order: DeployOrder): Promise<Rehearsal> {
  const cannot = checkRun(order.run)?.reason ?? target.cannotGoBack(order.run);
  if (cannot !== null) return { possible: false, reason: cannot, fault: 'undo' };
  const taken = await target.fence(order.fence);
  const lost: Rehearsal = {
    possible: false,
    reason: 'a later deploy or rollback took the target',
    fault: 'undo',
  };
  if (taken.kind === 'fenced') return lost;
  const { releases } = await target.state();
  const runs = ({ id }: ReleaseRef) =>
    releases.some((each) => each.id === id && each.replicas.some((replica) => replica.running));
  if (!runs(order.release))
    return {
      possible: false,
      reason: `${order.release.id} does not run: prepare it first`,
      fault: 'release',
    };
  if (order.live !== null && !runs(order.live))
    return {
      possible: false,
      reason: `the live release ${order.live.id} does not run, so that there is nothing to go back to. A rollback to ${order.live.id} starts it`,
      fault: 'undo',
    };
  // It runs, but could not be started again: undo would work until it stops for whatever reason.
  const again = order.live === null ? null : await target.available(order.live);
  if (again?.kind === 'failed')
    return {
      possible: false,
      reason: `the live release ${order.live?.id}, to which undo goes, could not be started again: ${again.reason}`,
      fault: 'undo',
    };
  const effects = new Effects({
    release: order.release.id,
    fence: order.fence,
    journal: order.journal,
    check: async () => {
      const still = await target.fence(order.fence);
      if (still.kind === 'fenced') throw new Fenced(still.by);
    },
  });
  try {
    return await effects.run({
      name: 'rehearse',
      key: `${order.fence}/${order.release.id}/rehearse`,
      undo: 'reversible',
      run: () => forthAndBack(target, order),
      reverse: null,
    });
  } catch (error) {
    if (error instanceof Fenced) return lost;
    throw error;
  }
}
