import { ReleaseId } from '@millwright/domain';

// What the repository's `status` command prints: one JSON document,
//   { "serving": "rel_…" | null, "releases": [{ "id": "rel_…", "running": true, "healthy": true, "restarts"?, "requests"?, "errors"?, "log"? }] }
// `requests` and `errors` are cumulative; without them the target has no figures, and checks must speak for a release.

type CommandRelease = {
  readonly id: ReleaseId;
  readonly running: boolean;
  readonly healthy: boolean;
  readonly restarts: number;
  readonly figures: { readonly requests: number; readonly errors: number } | null;
  readonly log: string;
};
export type CommandStatus = {
  readonly serving: ReleaseId | null;
  readonly releases: readonly CommandRelease[];
};

const of = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
const count = (value: unknown) => (typeof value === 'number' && value >= 0 ? value : null);

function releaseOf(value: unknown): CommandRelease | null {
  const id = ReleaseId.safeParse(of(value, 'id'));
  if (!id.success) return null;
  const [requests, errors] = [count(of(value, 'requests')), count(of(value, 'errors'))];
  const log = of(value, 'log');
  return {
    id: id.data,
    running: of(value, 'running') === true,
    healthy: of(value, 'healthy') === true,
    restarts: count(of(value, 'restarts')) ?? 0,
    figures: requests === null || errors === null ? null : { requests, errors },
    log: typeof log === 'string' ? log : '',
  };
}

/** The status, or why it is none. Releases that are not the factory's are left out; a serving one that is not is an error. */
export function parseStatus(text: string): CommandStatus | string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return `status printed no JSON: ${text.slice(0, 200)}`;
  }
  const [serving, releases] = [of(parsed, 'serving'), of(parsed, 'releases')];
  if (!Array.isArray(releases)) return 'status has no list of releases';
  const named = ReleaseId.safeParse(serving);
  if (serving !== null && !named.success)
    return `status says that ${String(serving)} serves, which is no release`;
  return {
    serving: named.success ? named.data : null,
    releases: releases.slice(0, 100).flatMap((each) => releaseOf(each) ?? []),
  };
}
