import type { CanaryView } from '@millwright/api';

type Figures = NonNullable<CanaryView['figures']>;
type Counted = Figures['new'];
type Point = { at: number; figures: Figures; fresh: number | null; old: number | null };
/** In the order in which they were seen. */
export type Points = readonly Point[];

/** As many as a canary of an hour has, looked at each two seconds. */
const MOST = 1_800;

/** Percent of the requests since the look before that failed; null where there were none, or counting began anew. */
function failed(now: Counted | null, before: Counted | null): number | null {
  if (now === null || before === null) return null;
  const requests = now.requests - before.requests;
  return requests > 0 ? Math.max(0, Math.min(100, ((now.errors - before.errors) / requests) * 100)) : null;
}

/** Another look at what was counted. The same look twice is one. */
export function addPoint(points: Points, at: number, figures: Figures): Points {
  const last = points.at(-1);
  if (last !== undefined && at <= last.at) return points;
  const point = {
    at,
    figures,
    fresh: failed(figures.new, last?.figures.new ?? { requests: 0, errors: 0 }),
    old: failed(figures.old, last?.figures.old ?? (figures.old && { requests: 0, errors: 0 })),
  };
  return [...points, point].slice(-MOST);
}
