import type { Entry } from '../entries.ts';
import type { Actor, Instant, PersonId } from '../ids.ts';
import type { TargetState } from './state.ts';

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
        history: [...state.history, { release, previous, by, at }],
        fence: Math.max(state.fence, fence),
        retires: by === 'deploy' ? { release, fence } : null,
        undo,
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
    case 'target.judged':
    case 'target.healed':
    case 'target.not-healed':
    case 'target.heal-paused':
      return { ...state, fence: Math.max(state.fence, entry.data.fence) };
    case 'target.frozen': {
      const { by, release, reason, what } = entry.data;
      return { ...state, frozen: { by, release, reason, what, at, paged: null } };
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
