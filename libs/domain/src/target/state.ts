import type { Digest, Instant, PersonId, ReleaseId } from '../ids.ts';

/** Which release came to serve, when, and after which. */
export type Served = {
  release: ReleaseId;
  previous: ReleaseId | null;
  at: Instant;
  by: 'deploy' | 'rollback';
};

/** A wish to go forward again to what a rollback left, as long as people are asked about it. */
export type UndoAsked = {
  release: ReleaseId;
  live: ReleaseId;
  subject: Digest;
  /** Who asked; each counts as one person's approval of exactly this subject. */
  by: { person: PersonId; at: Instant }[];
  decision: 'allow' | 'deny' | 'needs_approval';
  approvals: number;
  reason: string;
};

/** What a target's stream says of it. */
export type TargetState = {
  live: ReleaseId | null;
  history: Served[];
  /** The highest that any deploy or rollback was given. */
  fence: number;
  /** The release that was worked on last, and under which fence. */
  last: { release: ReleaseId; fence: number } | null;
  /** The deploy that brought out what serves, as long as nobody is known to have stopped what ran before it. */
  retires: { release: ReleaseId; fence: number } | null;
  frozen: {
    by: 'person' | 'factory';
    release: ReleaseId | null;
    reason: string;
    what: string;
    at: Instant;
    /** Whether somebody was called: null while that is owed (by the factory alone). */
    paged: 'sent' | 'failed' | 'nobody' | null;
  } | null;
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
};

export const noTarget = (): TargetState => ({
  live: null,
  history: [],
  fence: 0,
  last: null,
  retires: null,
  frozen: null,
  undo: null,
});
