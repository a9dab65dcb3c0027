import type { ReleaseId } from '@millwright/domain';

import { BACKEND, parseServerName } from './config.ts';

// What HAProxy says of its servers: `show stat`, CSV with a header (management guide §9.1). Only the columns by name are read.

/** Cumulative since the proxy knows the server; sums over the replicas of a release. */
export type Counters = { readonly requests: number; readonly errors: number; readonly sessions: number };

export type ServerStat = {
  readonly release: ReleaseId;
  readonly replica: number;
  readonly address: string;
  readonly weight: number;
  readonly status: string;
  readonly current: number;
  readonly counters: Counters;
};

/** Servers of our backend. A line that does not fit is not a server. */
export function parseStats(csv: string): ServerStat[] {
  const [head = '', ...lines] = csv.split('\n');
  const columns = head.replace(/^# /, '').split(',');
  const stats: ServerStat[] = [];
  for (const line of lines) {
    const fields = line.split(',');
    const text = (name: string) => fields[columns.indexOf(name)] ?? '';
    const number = (name: string) => Number(text(name)) || 0;
    const named = text('pxname') === BACKEND ? parseServerName(text('svname')) : null;
    if (named === null) continue;
    // An answer of 5xx, no usable answer, or no connection: what a user sees as the release's fault.
    const unanswered = number('eresp') + number('econ');
    const answered = ['1xx', '2xx', '3xx', '4xx', '5xx', 'other'].map((kind) => number(`hrsp_${kind}`));
    stats.push({
      ...named,
      address: text('addr'),
      weight: number('weight'),
      status: text('status'),
      current: number('scur'),
      counters: {
        // Finished ones: `req_tot` counts at the beginning, and a slow failure would look like a success until it fails.
        requests: answered.reduce((sum, count) => sum + count, unanswered),
        errors: number('hrsp_5xx') + unanswered,
        sessions: number('stot'),
      },
    });
  }
  return stats;
}

/** Sums over the replicas of each release. */
export function countersByRelease(stats: readonly ServerStat[]): Map<ReleaseId, Counters> {
  const sums = new Map<ReleaseId, Counters>();
  for (const { release, counters } of stats) {
    const sum = sums.get(release) ?? { requests: 0, errors: 0, sessions: 0 };
    sums.set(release, {
      requests: sum.requests + counters.requests,
      errors: sum.errors + counters.errors,
      sessions: sum.sessions + counters.sessions,
    });
  }
  return sums;
}

/** Whether a server takes new requests: in maintenance its weight still shows. */
export const serves = (stat: ServerStat) =>
  stat.weight > 0 && (stat.status.startsWith('UP') || stat.status.startsWith('no check'));
