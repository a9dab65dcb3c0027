import type { Actor, Digest, GitSha, Instant, PersonId, ReleaseId } from '../ids.ts';

/** Which release came to serve, when, and after which. */
type Served = {
  release: ReleaseId;
  previous: ReleaseId | null;
  fence: number;
  at: Instant;
  by: 'deploy' | 'rollback';
};

/** A wish to go forward again to what a rollback left, as long as people are asked about it. */
type UndoAsked = {
  release: ReleaseId;
  live: ReleaseId;
  subject: Digest;
  /** Who asked; each counts as one person's approval of exactly this subject. */
  by: { person: PersonId; at: Instant }[];
  decision: 'allow' | 'deny' | 'needs_approval';
  approvals: number;
  reason: string;
};

/** A release on its way to serve. */
export type Canary = {
  release: ReleaseId;
  /** Who has the rest of the traffic, and all of it after an undo; null where nobody served before. */
  live: ReleaseId | null;
  /** The fence that its deploy was begun under, and the one it has now: higher where another orchestrator goes on with it. */
  began: number;
  fence: number;
  steps: number[];
  /** Of each step, in milliseconds. */
  bake: number;
  /** Its share of traffic, and since when it has that. */
  percent: number;
  since: Instant;
  paused: { by: Actor; until: Instant; reason: string } | null;
  /** A person wants it gone: whoever has it at work, or goes on with it, takes it back. */
  aborted: { by: Actor; reason: string } | null;
  /** Why it has no traffic now and waits to begin anew; null while it is under way. */
  held: string | null;
};

/** Nothing goes forward on a target since somebody said so, and why. */
export type Freeze = {
  /** `schedule`: a freeze window of the repository's file. */
  by: 'person' | 'factory' | 'schedule';
  who: Actor;
  release: ReleaseId | null;
  reason: string;
  what: string;
  at: Instant;
  /** Whether somebody was called: null while that is owed (by the factory alone). */
  paged: 'sent' | 'failed' | 'nobody' | null;
};

/** What a target's stream says of it. */
export type TargetState = {
  live: ReleaseId | null;
  history: Served[];
  /** The highest that any deploy or rollback was given. */
  fence: number;
  /** The deploy that has begun to touch the target and has not ended. */
  canary: Canary | null;
  /** The release that was worked on last, and under which fence. */
  last: { release: ReleaseId; fence: number } | null;
  /** The deploy that brought out what serves, as long as nobody is known to have stopped what ran before it. */
  retires: { release: ReleaseId; fence: number } | null;
  /** The freeze that is told first: the factory's, else the oldest. `also`: the others in force, oldest first. A thaw lifts them all. */
  frozen: (Freeze & { also: Freeze[] }) | null;
  /** Until when the last freeze window is, or was: one that a person lifted does not begin again. */
  window: Instant;
  undo:
    | ({ kind: 'asked' } & UndoAsked)
    | { kind: 'started'; release: ReleaseId; live: ReleaseId; fence: number; at: Instant }
    | {
        kind: 'finished';
        release: ReleaseId;
        result: 'promoted' | 'rolled_back' | 'failed';
        evidence: string;
        at: Instant;
      }
    | null;
  /** What was tried to bring it back as it was, oldest first, the newest `HEALS_KEPT`. */
  heals: { at: Instant; ok: boolean; text: string }[];
  healed: number;
  notHealed: number;
  /** Healing was given up until then. */
  healPausedUntil: Instant | null;
  /** Whose merges are, or are being, reverted since the last release came to serve. */
  reverting: ReleaseId[];
  /** The commits that took back the merge behind a release, oldest first, the newest `REVERTS_KEPT`: of rollbacks by hand. */
  reverts: { release: ReleaseId; commit: GitSha }[];
};

/** As many as libs/rollback's back-off looks at. */
export const HEALS_KEPT = 16;
export const REVERTS_KEPT = 200;

export const noTarget = (): TargetState => ({
  live: null,
  history: [],
  fence: 0,
  canary: null,
  last: null,
  retires: null,
  frozen: null,
  window: 0,
  undo: null,
  heals: [],
  healed: 0,
  notHealed: 0,
  healPausedUntil: null,
  reverting: [],
  reverts: [],
});
