import type { Instant, ReleaseId } from '@millwright/domain';

/** What is known when an incident is answered. */
export type Situation = {
  readonly startedAt: Instant;
  readonly now: Instant;
  /** What serves: since when, and how it came to. Null: nothing does. */
  readonly live: {
    readonly release: ReleaseId;
    readonly since: Instant;
    readonly by: 'deploy' | 'rollback';
  } | null;
  /** What served when the incident was filed. */
  readonly atFiling: ReleaseId | null;
  /** What a rollback would go to, or why there is nothing. */
  readonly back: { kind: 'to'; release: ReleaseId } | { kind: 'none'; reason: string };
  /** How long after it came to serve a release is the first suspect; 0: never. */
  readonly youngMs: number;
};
export type Answer =
  | { kind: 'roll_back'; from: ReleaseId; to: ReleaseId }
  | { kind: 'leave'; reason: string };

/** A fault is seen some time after it began: scrapes and alert rules wait for a few of their intervals. */
const SEEN_LATE_MS = 60_000;

/**
 * The first answer to an incident: back, where the release that serves is young and nothing says that the fault is older than it. Once: what a
 * rollback brought back is not left again by itself.
 */
export function firstAnswer({ startedAt, now, live, atFiling, back, youngMs }: Situation): Answer {
  const leave = (reason: string): Answer => ({ kind: 'leave', reason });
  if (live === null) return leave('nothing serves');
  if (live.release !== atFiling) return leave(`${live.release} serves since; it is watched by itself`);
  if (live.by === 'rollback')
    return leave(`${live.release} came back by a rollback: another is a person's to ask for`);
  if (startedAt + SEEN_LATE_MS < live.since) return leave(`it began before ${live.release} served`);
  // What was young when the fault began is answered so, however late the alert came; but not a fault of long ago.
  const age = Math.max(0, Math.min(startedAt, now) - live.since);
  if (age > youngMs)
    return leave(`${live.release} had served for ${minutes(age)} when it began: it is not the first suspect`);
  if (back.kind === 'none') return leave(back.reason);
  return { kind: 'roll_back', from: live.release, to: back.release };
}

const minutes = (ms: number): string =>
  ms < 120_000 ? `${Math.round(ms / 1_000)} s` : `${Math.round(ms / 60_000)} min`;
