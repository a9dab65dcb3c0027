import type { Entry, Instant, ReleaseId, RunId, TicketKind } from '@millwright/domain';

// Autonomy of a repository as its entries have it: people give it, the factory takes it away by itself, and evidence lets people give it
// back. Pure. What it means at a gate is in `default/`.

/** What a kind of change has left of the repository's step. */
export type Lost = {
  readonly to: number;
  /** What was rolled back; null where a person set the step of this kind. */
  readonly release: ReleaseId | null;
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

/** The step in force for these kinds of change together: the lowest of theirs and the repository's. */
export function stepFor({ step, lost }: Autonomy, kinds: readonly TicketKind[]): number {
  return Math.min(step, ...kinds.map((kind) => lost.get(kind)?.to ?? 7));
}

/** `evolve(state, entry)` of a repository's stream; `at` is the envelope's. */
export function evolveAutonomy(state: Autonomy, entry: Entry, at: Instant): Autonomy {
  switch (entry.type) {
    case 'repo.step-set': {
      const { step, kind } = entry.data;
      if (kind === undefined) return { ...state, step };
      return step < state.step ? fallen(state, kind, step, null, at) : without(state, kind);
    }
    case 'autonomy.dropped': {
      const { kind, to, release } = entry.data;
      return kind === null
        ? { ...state, step: Math.min(state.step, to) }
        : fallen(state, kind, to, release, at);
    }
    case 'autonomy.raise-proposed':
      return changed(state, entry.data.kind, (lost) => ({ ...lost, proposed: true }));
    default:
      return state;
  }
}

/** A release of this kind came to serve; or, `unserved`, a person took it back: it earns nothing then. */
export const served = (state: Autonomy, kind: TicketKind, run: RunId): Autonomy =>
  changed(state, kind, (lost) => ({ ...lost, served: [...lost.served.filter((one) => one !== run), run] }));
export const unserved = (state: Autonomy, kind: TicketKind, run: RunId): Autonomy =>
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

/** Where a raise of this kind goes, and the runs that earned it; null until `after` releases of it came to serve. One step at a time. */
export function earnedRaise(
  state: Autonomy,
  kind: TicketKind,
  after: number,
): { from: number; to: number; runs: readonly RunId[] } | null {
  const lost = state.lost.get(kind);
  return lost === undefined || lost.to >= state.step || lost.served.length < after
    ? null
    : { from: lost.to, to: lost.to + 1, runs: lost.served };
}

const fallen = (state: Autonomy, kind: TicketKind, to: number, release: ReleaseId | null, at: Instant) => ({
  ...state,
  lost: new Map([...state.lost, [kind, { to, release, at, served: [], proposed: false }]]),
});
const without = (state: Autonomy, kind: TicketKind): Autonomy => ({
  ...state,
  lost: new Map([...state.lost].filter(([one]) => one !== kind)),
});
function changed(state: Autonomy, kind: TicketKind, change: (lost: Lost) => Lost): Autonomy {
  const lost = state.lost.get(kind);
  return lost === undefined ? state : { ...state, lost: new Map([...state.lost, [kind, change(lost)]]) };
}
