import { checkRun } from '../targets/run-config.ts';
import { failure, type ReleaseRef, type Target } from '../targets/target.ts';
import { Deploying } from './deploying.ts';
import { Effects, Fenced } from './effect.ts';
import type { DeployOrder, DeployResult, NotDeployed, PrepareResult, RetireOrder } from './order.ts';
import { RETENTION } from './retention.ts';

/**
 * Deploys `order.release`. A bad release is a result, not an error; rejects only when the journal, the engine or the disk fail on
 * the way forward: then run it again with the same fence. Bounded by the health limit and three times the bakes. What ran before the live
 * release runs on until `retire`.
 */
export async function deploy(target: Target, order: DeployOrder): Promise<DeployResult> {
  return withFence(target, order, (deploying) =>
    order.release.id === order.live?.id ? alreadyLive(target, order) : deploying.go(),
  );
}

/**
 * The first half of `deploy`: image, container, health, and no traffic. For the time before the deploy gate is asked; `deploy` with the same
 * fence goes on with what runs. A release that does not get healthy is stopped again, and is a result. To be undone with `discard`.
 */
export async function prepareRelease(target: Target, order: DeployOrder): Promise<PrepareResult> {
  return withFence(target, order, async (deploying) =>
    order.release.id === order.live?.id
      ? { kind: 'prepared', release: order.release.id, ms: 0 }
      : deploying.prepareOnly(),
  );
}

/** What `prepareRelease` started is stopped, where the gate said no. Does nothing to a release that has traffic. */
export async function discard(
  target: Target,
  order: DeployOrder,
): Promise<{ kind: 'discarded' } | { kind: 'serves' } | { kind: 'fenced'; by: number }> {
  const taken = await target.fence(order.fence);
  if (taken.kind === 'fenced') return taken;
  const { id } = order.release;
  if ((await target.state()).serving.has(id) || order.live?.id === id) return { kind: 'serves' };
  const effects = effectsOf(target, order);
  try {
    await effects.run({
      name: 'discard',
      key: `${order.fence}/${id}/discard`,
      undo: 'reversible',
      run: () => target.stop(id, order.fence),
      // Prepared again by the next deploy of it.
      reverse: null,
    });
    return { kind: 'discarded' };
  } catch (error) {
    if (error instanceof Fenced) return { kind: 'fenced', by: error.by };
    throw error;
  }
}

/**
 * Stops what no release needs any more: all but `keep`, the one that came to serve and the one before it, which stays warm. To be called once
 * it is on record that it serves; nobody need wait for it. Does nothing once a later deploy or rollback has the target.
 */
export async function retire(target: Target, order: RetireOrder): Promise<void> {
  const { release, keep, fence, retention = RETENTION } = order;
  try {
    await effectsOf(target, { ...order, release: { id: release } }).run({
      name: 'retire',
      key: `${fence}/${release}/retire`,
      undo: 'compensable',
      run: () => target.retire(keep, retention, fence),
      // An older release than the previous one is started again by a rollback to it: its image is kept.
      compensate: null,
    });
  } catch (error) {
    if (!(error instanceof Fenced)) throw error;
  }
}

const effectsOf = (
  target: Target,
  { release, fence, journal }: Pick<DeployOrder, 'fence' | 'journal'> & { release: Pick<ReleaseRef, 'id'> },
) =>
  new Effects({
    release: release.id,
    fence,
    journal,
    check: async () => {
      const still = await target.fence(fence);
      if (still.kind === 'fenced') throw new Fenced(still.by);
    },
  });

async function withFence<R>(
  target: Target,
  order: DeployOrder,
  work: (deploying: Deploying) => Promise<R>,
): Promise<R | NotDeployed | { kind: 'fenced'; by: number }> {
  const ids = { release: order.release.id, live: order.live?.id ?? null };
  const cannot = order.attended === true ? null : target.cannotGoBack(order.run);
  const bad = checkRun(order.run) ?? (cannot === null ? null : failure('cannot_go_back', cannot));
  if (bad !== null) return { ...bad, ...ids, evidence: '' };
  const taken = await target.fence(order.fence, order.began);
  if (taken.kind === 'fenced') return taken;
  try {
    return await work(new Deploying(target, order, effectsOf(target, order)));
  } catch (error) {
    if (error instanceof Fenced) return { kind: 'fenced', by: error.by };
    throw error;
  }
}

/** Recorded as live, and asked for again (a factory killed after it recorded): nothing to do, and nothing may be undone. */
async function alreadyLive(target: Target, { release }: DeployOrder): Promise<DeployResult> {
  const { serving } = await target.state();
  if (serving.get(release.id) === 100)
    return {
      kind: 'promoted',
      release: release.id,
      previous: null,
      rehearsalMs: null,
      steps: [],
      evidence: 'it serves already',
    };
  const reason = `${release.id} is recorded as live, but does not serve. A rollback to ${release.id} starts it again`;
  return { ...failure('release_missing', reason), release: release.id, live: release.id, evidence: reason };
}
