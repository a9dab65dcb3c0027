import type { Entry } from '../entries/index.ts';
import type { Actor, Instant, PersonId, ReleaseId } from '../ids.ts';
import { type Canary, type Freeze, HEALS_KEPT, REVERTS_KEPT, type TargetState } from './state.ts';

/** `evolve(state, entry)` of a target's stream. Pure; `at` and `actor` are the envelope's. */
export function evolveTarget(
  state: TargetState,
  entry: Entry,
  { at, actor }: { at: Instant; actor: Actor },
): TargetState {
  switch (entry.type) {
    case 'target.released': {
      const { release, previous, by, fence } = entry.data;
      // A release that comes to serve ends every wish to go forward to another, but not the deploy that brings it.
      const undo = state.undo?.kind === 'asked' ? null : state.undo;
      return {
        ...state,
        live: release,
        history: [...state.history, { release, previous, fence, by, at }],
        fence: Math.max(state.fence, fence),
        retires: by === 'deploy' ? { release, fence } : null,
        canary: state.canary !== null && state.canary.fence <= fence ? null : state.canary,
        undo,
        // Another release: what was tried for the one before says nothing of it.
        heals: [],
        healPausedUntil: null,
        reverting: [],
      };
    }
    case 'target.effect-started': {
      const { release, fence } = entry.data;
      // Whoever has the target since sees to what is left over when another release serves.
      const retires = state.retires !== null && state.retires.fence < fence ? null : state.retires;
      return { ...state, fence: Math.max(state.fence, fence), last: { release, fence }, retires };
    }
    case 'target.effect-finished':
      return entry.data.effect === 'retire' ? { ...state, retires: null } : state;
    case 'canary.started': {
      const { release, live, fence, steps, bake } = entry.data;
      const before = state.canary?.release === release ? state.canary : null;
      const canary = {
        release,
        live,
        began: before?.fence === fence ? before.began : fence,
        fence,
        steps,
        bake,
        percent: 0,
        since: at,
        // What begins anew, after a hold or its factory's death, is paused as long as a person said.
        paused: before?.paused ?? null,
        aborted: null,
        held: null,
      };
      return { ...state, fence: Math.max(state.fence, fence), canary };
    }
    case 'canary.resumed': {
      const { as } = entry.data;
      return {
        ...withCanary(state, entry.data, (canary) => ({ ...canary, fence: as })),
        fence: Math.max(state.fence, as),
      };
    }
    case 'canary.shifted':
      return withCanary(state, entry.data, (canary) => ({
        ...canary,
        percent: entry.data.percent,
        since: at,
      }));
    case 'canary.asked': {
      const { ask, until, reason } = entry.data;
      return withCanary(state, entry.data, (canary) => ({
        ...canary,
        paused: ask === 'pause' && until !== null ? { by: actor, until, reason } : null,
        aborted: ask === 'abort' ? { by: actor, reason } : canary.aborted,
      }));
    }
    case 'rollback.asked': {
      const { canary: release, reason } = entry.data;
      return state.canary === null || state.canary.release !== release
        ? state
        : { ...state, canary: { ...state.canary, aborted: { by: actor, reason } } };
    }
    case 'canary.ended': {
      const { end, reason } = entry.data;
      return withCanary(state, entry.data, (canary) =>
        end === 'held' ? { ...canary, percent: 0, since: at, held: reason } : null,
      );
    }
    case 'target.judged':
      return { ...state, fence: Math.max(state.fence, entry.data.fence) };
    case 'target.healed': {
      const { fence, reason } = entry.data;
      return { ...tried(state, { at, ok: true, text: reason }, fence), healed: state.healed + 1 };
    }
    case 'target.not-healed': {
      const { fence, what, reason } = entry.data;
      const heal = { at, ok: false, text: `${what}: ${reason}` };
      return { ...tried(state, heal, fence), notHealed: state.notHealed + 1 };
    }
    case 'target.heal-paused':
      return { ...state, fence: Math.max(state.fence, entry.data.fence), healPausedUntil: entry.data.until };
    case 'target.revert-started':
      return { ...state, reverting: [...state.reverting, entry.data.release] };
    case 'target.revert-finished': {
      const { release, commit } = entry.data;
      return commit === null
        ? state
        : { ...state, reverts: [...state.reverts, { release, commit }].slice(-REVERTS_KEPT) };
    }
    case 'target.frozen': {
      const { by, release, reason, what } = entry.data;
      return {
        ...state,
        frozen: withFreeze(state.frozen, { by, who: actor, release, reason, what, at, paged: null }),
      };
    }
    case 'target.window-began': {
      const { until, reason } = entry.data;
      const freeze = {
        by: 'schedule' as const,
        who: actor,
        release: null,
        reason,
        what: '',
        at,
        paged: null,
      };
      return { ...state, window: until, frozen: withFreeze(state.frozen, freeze) };
    }
    case 'target.window-ended': {
      const [first, ...also] = freezesOf(state.frozen).filter(({ by }) => by !== 'schedule');
      return { ...state, frozen: first === undefined ? null : { ...first, also } };
    }
    case 'target.thawed':
      return { ...state, frozen: null };
    case 'target.paged':
      return state.frozen === null
        ? state
        : { ...state, frozen: { ...state.frozen, paged: entry.data.result } };
    case 'undo.asked': {
      const { release, live, subject, decision, approvals, reason } = entry.data;
      const same =
        state.undo?.kind === 'asked' && state.undo.release === release && state.undo.live === live
          ? state.undo.by
          : [];
      const person = actor as string as PersonId;
      const by = [...same.filter((one) => one.person !== person), { person, at }];
      return { ...state, undo: { kind: 'asked', release, live, subject, by, decision, approvals, reason } };
    }
    case 'undo.started': {
      const { release, live, fence } = entry.data;
      return {
        ...state,
        fence: Math.max(state.fence, fence),
        undo: { kind: 'started', release, live, fence, at },
      };
    }
    case 'undo.finished': {
      const { release, result, evidence } = entry.data;
      return { ...state, undo: { kind: 'finished', release, result, evidence, at } };
    }
    default:
      return state;
  }
}

const tried = (state: TargetState, heal: TargetState['heals'][number], fence: number): TargetState => ({
  ...state,
  fence: Math.max(state.fence, fence),
  heals: [...state.heals, heal].slice(-HEALS_KEPT),
});

const withCanary = (
  state: TargetState,
  { release, fence }: { release: ReleaseId; fence: number },
  change: (canary: Canary) => Canary | null,
): TargetState =>
  state.canary?.release === release && state.canary.fence === fence
    ? { ...state, canary: change(state.canary) }
    : state;

/** Those in force, the one that is told first: the factory's says what a person must do, and of people's the oldest keeps its story. */
export const freezesOf = (frozen: TargetState['frozen']): Freeze[] => {
  if (frozen === null) return [];
  const { also, ...first } = frozen;
  return [first, ...also];
};

/** Each person's word stands beside the others'; the factory's newest says what is to be done now. */
function withFreeze(frozen: TargetState['frozen'], freeze: Freeze): NonNullable<TargetState['frozen']> {
  const others = freezesOf(frozen).filter((one) => one.by !== 'factory' || freeze.by !== 'factory');
  const [first = freeze, ...also] = freeze.by === 'factory' ? [freeze, ...others] : [...others, freeze];
  return { ...first, also };
}
