import type { TicketKind } from '../artifacts.ts';
import type { Entry } from '../entries/index.ts';
import type { Instant, ReleaseId, RunId } from '../ids.ts';

// Autonomy of a repository as its entries have it: people give it, the factory takes it away by itself, and evidence lets people give it
// back. Pure. What it means at a gate is in `default/`.

/** What a kind of change has left of the repository's step. */
type Lost = {
  readonly to: number;
  /** As far as a person may raise it without evidence: what one has lowered by hand comes back by hand. At least `to`. */
  readonly upTo: number;
  /** What it had before it lost anything: there again, nothing is left of the loss, whatever the repository's step was meanwhile. */
  readonly whole: number;
  /** What was rolled back; null where a person set the step of this kind. */
  readonly release: ReleaseId | null;
  /** All that was rolled back since it had its whole step, oldest first: what touches the same paths falls with it, whatever its kind. */
  readonly releases: readonly ReleaseId[];
  readonly at: Instant;
  /** Runs of this kind whose releases came to serve since, oldest first. */
  readonly served: readonly RunId[];
  /** A raise was proposed on this evidence. */
  readonly proposed: boolean;
};

export type Autonomy = {
  /** Of the repository: what a person set, lowered by critical incidents. */
  readonly step: number;
  readonly lost: ReadonlyMap<TicketKind, Lost>;
};

export const NO_AUTONOMY: Autonomy = { step: 0, lost: new Map() };

/** A critical incident leaves a repository at most this step: people allow each change again. */
export const AFTER_CRITICAL = 5;

/** The effective step for these kinds of change together: the lowest of theirs and the repository's. */
export function stepFor({ step, lost }: Autonomy, kinds: readonly TicketKind[]): number {
  return Math.min(step, ...kinds.map((kind) => lost.get(kind)?.to ?? 7));
}

/** `evolve(state, entry)` of a repository's stream; `at` is the envelope's. */
export function evolveAutonomy(state: Autonomy, entry: Entry, at: Instant): Autonomy {
  switch (entry.type) {
    case 'repo.step-set': {
      const { step, kind } = entry.data;
      if (kind === undefined) return { ...state, step };
      const lost = state.lost.get(kind);
      const whole = lost?.whole ?? state.step;
      if (step >= whole) return without(state, kind);
      if (lost !== undefined && step <= lost.upTo) return changed(state, kind, () => ({ ...lost, to: step }));
      return fell(state, kind, { to: step, upTo: lost === undefined ? whole : step, whole }, null, at);
    }
    case 'autonomy.dropped': {
      const { kind, to, release } = entry.data;
      if (kind === null) return { ...state, step: Math.min(state.step, to) };
      const { upTo, whole } = state.lost.get(kind) ?? { upTo: state.step, whole: state.step };
      return fell(state, kind, { to, upTo: Math.max(to, upTo - 1), whole }, release, at);
    }
    case 'autonomy.raise-proposed':
      return changed(state, entry.data.kind, (lost) => ({ ...lost, proposed: true }));
    default:
      return state;
  }
}

/** A release of this kind came to serve; or, `recordReverted`, a person took it back: it earns nothing then. */
export const recordServed = (state: Autonomy, kind: TicketKind, run: RunId): Autonomy =>
  changed(state, kind, (lost) => ({ ...lost, served: [...lost.served.filter((one) => one !== run), run] }));
export const recordReverted = (state: Autonomy, kind: TicketKind, run: RunId): Autonomy =>
  changed(state, kind, (lost) => ({ ...lost, served: lost.served.filter((one) => one !== run) }));

export type Drop = { from: number; to: number };

/** What an automatic rollback costs: one step for its kind of change. Null where this release cost it already, or nothing is left. */
export function dropAfterRollback(state: Autonomy, kind: TicketKind, release: ReleaseId): Drop | null {
  const from = stepFor(state, [kind]);
  return from === 0 || state.lost.get(kind)?.release === release ? null : { from, to: from - 1 };
}

/** What a critical incident costs: every step above `AFTER_CRITICAL`, for every kind of change. */
export function dropAfterCritical({ step }: Autonomy): Drop | null {
  return step > AFTER_CRITICAL ? { from: step, to: AFTER_CRITICAL } : null;
}

/** How far a raise of this kind goes, and the runs that earned it; null until `after` releases of it came to serve. One step at a time. */
export function earnedRaise(
  state: Autonomy,
  kind: TicketKind,
  after: number,
): { from: number; to: number; runs: readonly RunId[] } | null {
  const lost = state.lost.get(kind);
  return lost === undefined || lost.upTo >= state.step || lost.served.length < after
    ? null
    : { from: lost.to, to: lost.upTo + 1, runs: lost.served };
}

function fell(
  state: Autonomy,
  kind: TicketKind,
  steps: Pick<Lost, 'to' | 'upTo' | 'whole'>,
  release: ReleaseId | null,
  at: Instant,
): Autonomy {
  const before = state.lost.get(kind)?.releases ?? [];
  const releases = release === null ? before : [...before.filter((one) => one !== release), release];
  const lost: Lost = { ...steps, release, releases, at, served: [], proposed: false };
  return { ...state, lost: new Map([...state.lost, [kind, lost]]) };
}
const without = (state: Autonomy, kind: TicketKind): Autonomy => ({
  ...state,
  lost: new Map([...state.lost].filter(([one]) => one !== kind)),
});
function changed(state: Autonomy, kind: TicketKind, change: (lost: Lost) => Lost): Autonomy {
  const lost = state.lost.get(kind);
  return lost === undefined ? state : { ...state, lost: new Map([...state.lost, [kind, change(lost)]]) };
}
