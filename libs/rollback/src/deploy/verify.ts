import type { Clock, ReleaseId } from '@millwright/domain';
import { wilson } from '../canary/sequential.ts';
import { elapsed } from '../elapsed.ts';
import { messageOf } from '../message-of.ts';
import { type Done, type Failure, failure } from '../outcome.ts';
import type { RunConfig, Target, Weights } from '../targets/target.ts';

// Going back, and being sure of it.

export type Verification =
  | { readonly kind: 'verified'; readonly ms: number; readonly figures: string }
  | { readonly kind: 'unverified'; readonly reason: string };

/** Undo itself failed. `what` is what a person must do, in order. */
export type Stuck = { readonly kind: 'stuck'; readonly why: string; readonly what: string };

const LOOK_MS = 100;
/** Looked at for so long at least (figures need requests), and at most. */
const LEAST_MS = 400;
const MOST_MS = 5_000;
const PROBE_MS = 1_000;

/**
 * Traffic back to where it was. A proxy that does not take it (gone, killed, removed by hand) is started again and asked once more; each
 * try is bounded by the target itself. Throws `Fenced` as `shift` does.
 */
export async function trafficBack(
  target: Target,
  { weights, fence, condemn, run }: { weights: Weights; fence: number; condemn?: ReleaseId; run: RunConfig },
): Promise<Done | Failure> {
  let last = await target.shift(weights, fence, condemn);
  for (let tries = 0; last.kind === 'failed' && tries < 2; tries += 1) {
    const mended = await mend(target, run);
    last = mended.kind === 'failed' ? mended : await target.shift(weights, fence, condemn);
  }
  return last;
}

async function mend(target: Target, run: RunConfig): Promise<Done | Failure> {
  try {
    return await target.ensureProxy(run);
  } catch (error) {
    return failure('engine', messageOf(error));
  }
}

/**
 * Whether `release` serves alone, answers its health probes, and fails no more of its users' requests than it did before (`errorRate`, with
 * what chance allows). Bounded by 5 s and the probes' limits; never rejects.
 */
export async function verify(
  target: Target,
  { release, errorRate }: { release: ReleaseId; errorRate: number },
  clock: Clock,
): Promise<Verification> {
  const since = elapsed(clock);
  let reason = '';
  try {
    const before = (await target.counters())?.get(release);
    for (;;) {
      const [{ serving }, answers] = await Promise.all([target.state(), target.probe(release, PROBE_MS)]);
      const now = (await target.counters())?.get(release);
      const n = Math.max(0, (now?.requests ?? 0) - (before?.requests ?? 0));
      const errors = Math.min(n, Math.max(0, (now?.errors ?? 0) - (before?.errors ?? 0)));
      const share = serving.get(release) ?? 0;
      const bad = answers.find((each) => !each.ok);
      if (share !== 100 || serving.size !== 1) reason = `${release} has ${share} % of traffic`;
      else if (bad !== undefined || answers.length === 0)
        reason = `${release}: ${bad?.text ?? 'nothing of it runs'}`;
      else if (wilson(errors, n, 3).lower > errorRate)
        reason = `${errors} of ${n} requests failed on ${release}`;
      else reason = '';
      const ms = since();
      if (reason === '' && ms >= LEAST_MS)
        return { kind: 'verified', ms, figures: `${errors} of ${n} requests failed since` };
      if (ms >= MOST_MS) return { kind: 'unverified', reason: reason || 'it took too long to look' };
      await clock.sleep(LOOK_MS);
    }
  } catch (error) {
    return { kind: 'unverified', reason: messageOf(error) };
  }
}

/** What a person does when the factory cannot. */
export function stuckOn(target: Target, to: ReleaseId | null, why: string): Stuck {
  const name = target.name;
  const steps =
    to === null
      ? [`see what runs of ${name} and stop it by hand`, `thaw ${name}`]
      : [
          `look at why: ${why.slice(0, 500)}`,
          `roll back to ${to}`,
          `if that fails too, point users at ${to} by hand, where it runs`,
          `when it serves, thaw ${name}`,
        ];
  return { kind: 'stuck', why, what: steps.map((step, at) => `${at + 1}. ${step}`).join('\n') };
}
