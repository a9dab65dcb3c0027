import type { Clock } from '@millwright/domain';
import { awaitHealthy } from '../deploy/healthy.ts';
import { messageOf } from '../message-of.ts';
import type { Target } from '../targets/target.ts';
import { Fenced } from '../targets/target.ts';
import { type Desired, type Divergence, divergences } from './divergence.ts';
import { type HealLimits, type HealMemory, nextHeal, remember, repeats } from './policy.ts';

/** For the trail: `healed` and `not_healed` are what the > 99 % criterion counts. */
export type Reconciled = { readonly memory: HealMemory } & (
  | { readonly kind: 'in_order' }
  /** `repeats`: file an incident ticket, although it works again. */
  | { readonly kind: 'healed'; readonly what: string; readonly ms: number; readonly repeats: boolean }
  | { readonly kind: 'not_healed'; readonly what: string; readonly reason: string; readonly repeats: boolean }
  /** Backing off, or aborted. */
  | { readonly kind: 'waiting'; readonly what: string; readonly ms: number }
  /** Tried too often: page a person. Nothing is touched until `ms` have passed. */
  | { readonly kind: 'given_up'; readonly what: string; readonly ms: number; readonly tries: number }
  | { readonly kind: 'fenced'; readonly by: number }
);

const PROBE_MS = 2_000;
/** One bad answer is not a fault: asked again this often, so long apart. */
const LOOKS = 3;
const BETWEEN_MS = 300;

/**
 * One turn of the reconcile loop: reads the target, and brings back what crashed, was removed or was changed by hand. Idempotent; not to be
 * called while a deploy or rollback of the target is under way (it would be their effect that it heals). Bounded by `healthyWithinMs` and the
 * target's own limits; rejects never, what fails is `not_healed`. Aborted, it gives way, and nothing counts as tried.
 */
export async function reconcile(
  target: Target,
  desired: Desired,
  memory: HealMemory,
  {
    clock,
    limits,
    healthyWithinMs = 15_000,
    signal,
  }: { clock: Clock; limits?: HealLimits; healthyWithinMs?: number; signal?: AbortSignal },
): Promise<Reconciled> {
  const start = clock.now();
  let what = 'the target cannot be read';
  try {
    const { fence } = await target.state();
    if (fence > desired.fence) return { kind: 'fenced', by: fence, memory };
    const found = await settled(target, desired, clock);
    if (found.length === 0) return { kind: 'in_order', memory };
    what = textOf(found);
    const next = nextHeal(memory, start, limits);
    if (next.kind === 'wait') return { kind: 'waiting', what, ms: next.ms, memory };
    if (next.kind === 'give_up') return { kind: 'given_up', what, ms: next.ms, tries: next.tries, memory };
    const failed = await heal(target, desired, found, { clock, healthyWithinMs, signal });
    const left = failed === null ? await look(target, desired) : [];
    const reason = failed ?? (left.length > 0 ? `still: ${textOf(left)}` : null);
    const kept = remember(memory, { at: clock.now(), ok: reason === null }, limits);
    const again = repeats(kept, clock.now(), limits);
    if (reason !== null) return { kind: 'not_healed', what, reason, repeats: again, memory: kept };
    return { kind: 'healed', what, ms: clock.now() - start, repeats: again, memory: kept };
  } catch (error) {
    if (error instanceof Fenced) return { kind: 'fenced', by: error.by, memory };
    if (signal?.aborted) return { kind: 'waiting', what, ms: 0, memory };
    const kept = remember(memory, { at: clock.now(), ok: false }, limits);
    return {
      kind: 'not_healed',
      what,
      reason: messageOf(error),
      repeats: repeats(kept, clock.now(), limits),
      memory: kept,
    };
  }
}

/** Whether there is anything to heal: a look without a hand in it. A target that cannot be read differs. */
export async function differs(target: Target, desired: Desired, clock: Clock): Promise<boolean> {
  try {
    return (await settled(target, desired, clock)).length > 0;
  } catch {
    return true;
  }
}

const textOf = (found: readonly Divergence[]) =>
  found
    .map((each) => each.text)
    .join('; ')
    .slice(0, 2_000);

async function look(target: Target, desired: Desired): Promise<Divergence[]> {
  const [state, probes] = await Promise.all([target.state(), target.probe(desired.release.id, PROBE_MS)]);
  return divergences(state, probes, desired);
}

/** What is wrong at every look: something that passes by itself is not healed. What is gone is not waited for. */
async function settled(target: Target, desired: Desired, clock: Clock): Promise<Divergence[]> {
  for (let looks = 1; ; looks += 1) {
    const found = await look(target, desired);
    if (found.length === 0 || found.some((each) => each.kind !== 'sick') || looks >= LOOKS) return found;
    await clock.sleep(BETWEEN_MS);
  }
}

/** Null when everything that was tried worked. Traffic moves last, and only to what is healthy. */
async function heal(
  target: Target,
  { release, run, fence }: Desired,
  found: readonly Divergence[],
  {
    clock,
    healthyWithinMs,
    signal,
  }: { clock: Clock; healthyWithinMs: number; signal: AbortSignal | undefined },
): Promise<string | null> {
  const has = (kind: Divergence['kind']) => found.some((each) => each.kind === kind);
  if (has('replicas')) {
    const materialised = await target.materialise(release);
    if (materialised.kind === 'failed') return materialised.reason;
    const started = await target.start(release, run);
    if (started.kind === 'failed') return started.reason;
  } else if (has('sick')) await target.restart(release.id, fence);
  // Also when the proxy is up: containers that were started again may have other addresses.
  const up = await target.ensureProxy(run);
  if (up.kind === 'failed') return up.reason;
  const health = await awaitHealthy(target, release.id, healthyWithinMs, clock, signal);
  if (health.kind === 'never_healthy') return health.reason;
  const shifted = await target.shift(new Map([[release.id, 100]]), fence);
  return shifted.kind === 'failed' ? shifted.reason : null;
}
