import type { DeployConfig } from '@millwright/domain';

// The verdict on a release under canary, from what was seen of it and of the old one in the same window. Pure.
//
// Errors are judged by the Wilson score interval (E. B. Wilson, JASA 22, 1927) at z = 1.96, since it keeps its coverage at few
// samples and at rates near 0, where a canary lives. Looked at repeatedly, a 95 % interval would err more often than 5 %; `MIN_ERRORS` and
// the comparison with the old release's own upper bound hold that down. (A sequential test replaces it with issue 4.)

export const MIN_REQUESTS = 20;
export const MIN_ERRORS = 3;
export const MIN_PROBES = 3;
/** Failed probes in a row that are not chance any more; one that comes back in between is flapping. */
export const PROBES_DOWN = 3;

/** Seen of one release since the step began. Counters are null when the proxy could not be asked. */
export type Seen = {
  readonly counters: { readonly requests: number; readonly errors: number } | null;
  readonly restarts: number;
  /** Oldest first; `true` answered well. */
  readonly probes: readonly boolean[];
};

export type Judgement = {
  readonly kind: 'healthy' | 'degraded' | 'inconclusive';
  readonly reason: string;
};

/** Lower and upper bound of a rate at 95 %. No samples say nothing: 0 to 1. */
export function wilson(hits: number, of: number): { lower: number; upper: number } {
  if (of <= 0) return { lower: 0, upper: 1 };
  const z2 = 1.96 ** 2;
  const rate = Math.min(1, hits / of);
  const middle = rate + z2 / (2 * of);
  const margin = 1.96 * Math.sqrt((rate * (1 - rate)) / of + z2 / (4 * of * of));
  return {
    lower: Math.max(0, (middle - margin) / (1 + z2 / of)),
    upper: Math.min(1, (middle + margin) / (1 + z2 / of)),
  };
}

const percent = (rate: number) => `${(rate * 100).toFixed(1)} %`;
const judged = (kind: Judgement['kind'], reason: string): Judgement => ({ kind, reason });

/**
 * `degraded` at any time is final; `healthy` counts at the end of a bake; `inconclusive` never promotes. `old` is null when nothing
 * served before. Without enough traffic the active probes are the evidence, and the reason says so.
 */
export function judge(fresh: Seen, old: Seen | null, when: DeployConfig['rollbackWhen']): Judgement {
  const limit = Math.max(1, when.restarts);
  if (fresh.restarts >= limit)
    return judged('degraded', `restarted ${fresh.restarts} times (limit ${limit})`);
  const lastProbes = fresh.probes.slice(-PROBES_DOWN);
  if (lastProbes.length === PROBES_DOWN && lastProbes.every((ok) => !ok))
    return judged('degraded', `${PROBES_DOWN} health probes in a row failed`);
  if (fresh.counters === null) return judged('inconclusive', 'the proxy gives no figures');

  const { requests, errors } = fresh.counters;
  const rate = requests === 0 ? 0 : Math.min(1, errors / requests);
  const bound = wilson(errors, requests);
  const oldBound = old?.counters ? wilson(old.counters.errors, old.counters.requests) : null;
  // An old release that saw nothing is no excuse for the new one: its upper bound of 1 is not used.
  const excused = old?.counters && old.counters.requests >= MIN_REQUESTS && oldBound ? oldBound.upper : 0;
  if (errors >= MIN_ERRORS && bound.lower > when.errorRate && bound.lower > excused)
    return judged(
      'degraded',
      `${errors} of ${requests} requests failed (${percent(rate)}, limit ${percent(when.errorRate)})`,
    );
  if (rate > when.errorRate)
    return judged(
      'inconclusive',
      `${errors} of ${requests} requests failed: too few to tell, or the old release fails too`,
    );

  if (fresh.probes.length < MIN_PROBES)
    return judged('inconclusive', `only ${fresh.probes.length} health probes yet`);
  if (fresh.probes.slice(-MIN_PROBES).some((ok) => !ok)) return judged('inconclusive', 'health is flapping');
  const probes = `${fresh.probes.filter((ok) => ok).length} of ${fresh.probes.length} health probes well`;
  if (requests < MIN_REQUESTS)
    return judged('healthy', `little traffic (${requests} requests, ${errors} failed): judged by ${probes}`);
  return judged('healthy', `${errors} of ${requests} requests failed, ${probes}`);
}
