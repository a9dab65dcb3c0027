import type { ReleaseId } from '@millwright/domain';
import { messageOf } from '../message-of.ts';
import type { Failure } from '../outcome.ts';
import { checkRun } from '../targets/run-config.ts';
import type { Target } from '../targets/target.ts';
import { Fenced } from '../targets/target.ts';
import { Effects, type Journal } from './effect.ts';
import { Evidence } from './evidence.ts';
import { awaitHealthy } from './healthy.ts';
import type { RollbackOrder, RollbackResult } from './order.ts';
import { stuckOn, trafficBack, verify } from './verify.ts';

/**
 * Sends all traffic to `order.to`, then stops what served before. Warm (still running), it takes the time of a probe and a shift; else
 * the release is started again from its image. Idempotent. When `to` does not get healthy, traffic stays as it is.
 */
export async function rollback(target: Target, order: RollbackOrder): Promise<RollbackResult> {
  const at = order.clock.now();
  const evidence = new Evidence(order.run.secrets);
  const bad = checkRun(order.run);
  if (bad !== null) return { ...bad, evidence: '', stuck: stuckOn(target, order.to.id, bad.reason) };
  const taken = await target.fence(order.fence);
  if (taken.kind === 'fenced') return taken;
  const troubles: string[] = [];
  const effects = new Effects({
    release: order.to.id,
    fence: order.fence,
    journal: forgiving(order.journal, troubles),
    check: async () => {
      const still = await target.fence(order.fence);
      if (still.kind === 'fenced') throw new Fenced(still.by);
    },
  });
  try {
    return await switchBack(target, order, effects, { evidence, troubles, at });
  } catch (error) {
    if (error instanceof Fenced) return { kind: 'fenced', by: error.by };
    throw error;
  }
}

/** Traffic-back proceeds with the trail unwritable: what could not be journaled is told in the result. Other effects still need it. */
function forgiving(journal: Journal, troubles: string[]): Journal {
  const forgive = async (effect: string, write: Promise<void>) => {
    try {
      await write;
    } catch (error) {
      if (!effect.startsWith('shift/')) throw error;
      troubles.push(`${effect} was not journaled: ${messageOf(error)}`);
    }
  };
  return {
    started: (record) => forgive(record.effect, journal.started(record)),
    finished: (record, result, reason) => forgive(record.effect, journal.finished(record, result, reason)),
  };
}

async function switchBack(
  target: Target,
  order: RollbackOrder,
  effects: Effects,
  { evidence, troubles, at }: { evidence: Evidence; troubles: string[]; at: number },
): Promise<RollbackResult> {
  const { to, clock, healthyWithinMs = 30_000 } = order;
  const named = (name: string) => ({ name, key: `${order.fence}/${to.id}/${name}` });
  const before = await target.state();
  const others = before.releases.map((each) => each.id).filter((id) => id !== to.id);
  const from = [...before.serving.keys()].filter((id) => id !== to.id);
  const replicas = before.releases.find((each) => each.id === to.id)?.replicas ?? [];
  const warm =
    before.proxy === 'up' && replicas.length > 0 && replicas.every((each) => each.running && each.genuine);

  if (!warm) {
    const cold = await startAgain(target, order, effects);
    if (cold !== null)
      return { ...cold, evidence: evidence.text(cold.reason), stuck: stuckOn(target, to.id, cold.reason) };
  }
  const health = await awaitHealthy(target, to.id, healthyWithinMs, clock);
  if (health.kind === 'never_healthy') {
    evidence.add('log', await target.logs(to.id, 12_000));
    return {
      ...health,
      evidence: evidence.text(health.reason),
      stuck: stuckOn(target, to.id, health.reason),
    };
  }
  const shifted = await effects.run({
    ...named('shift/100'),
    undo: 'compensable' as const,
    run: () =>
      trafficBack(target, {
        weights: new Map<ReleaseId, number>([[to.id, 100]]),
        fence: order.fence,
        run: order.run,
      }),
    // The way forward again is a deploy with its gate, never a reflex.
    compensate: null,
  });
  if (shifted.kind === 'failed')
    return {
      ...shifted,
      evidence: evidence.text(shifted.reason),
      stuck: stuckOn(target, to.id, shifted.reason),
    };
  const ms = clock.now() - at;
  for (const id of others) {
    try {
      await effects.run({
        ...named(`stop/${id}`),
        undo: 'compensable',
        run: () => target.stop(id, order.fence),
        compensate: null,
      });
    } catch (error) {
      // Traffic has switched, which is what was asked; what still runs has none, and the next deploy stops it.
      if (error instanceof Fenced) throw error;
      troubles.push(`${id} was not stopped: ${messageOf(error)}`);
    }
  }
  const { errorRate } = order.run.config.rollbackWhen;
  const verified = await verify(target, { release: to.id, errorRate }, clock);
  return { kind: 'switched', to: to.id, from, ms, warm, troubles, verified };
}

async function startAgain(target: Target, order: RollbackOrder, effects: Effects): Promise<Failure | null> {
  const { to, run } = order;
  const named = (name: string) => ({ name, key: `${order.fence}/${to.id}/${name}` });
  const steps = [
    { ...named('proxy'), run: () => target.ensureProxy(run) },
    { ...named('materialise'), run: () => target.materialise(to) },
    { ...named('start'), run: () => target.start(to, run) },
  ];
  for (const step of steps) {
    const result = await effects.run({ ...step, undo: 'reversible' as const, reverse: null });
    if (result.kind === 'failed') return result;
  }
  return null;
}
