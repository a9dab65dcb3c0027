import { accept, type Decider, reject } from './decider.ts';
import type { AttemptEntry } from './entries/attempt.ts';
import type { Entry, EntryOf } from './entries/index.ts';
import type { RecordedEntry } from './envelope.ts';
import type { Instant } from './ids.ts';

export type AttemptPause = EntryOf<'attempt.paused'>['data'];

/** How long an attempt has waited for budgets and was then claimed again, in ms: its deadline is later by that. `waits`: it waits now. */
export function pausesOf(stream: readonly RecordedEntry[]): { ms: number; waits: AttemptPause | null } {
  let ms = 0;
  let waits: { pause: AttemptPause; since: Instant } | null = null;
  for (const { envelope, entry } of stream) {
    if (entry?.type === 'attempt.paused') waits = { pause: entry.data, since: envelope.at };
    if (entry?.type === 'attempt.claimed' && waits !== null) {
      ms += Math.max(0, envelope.at - waits.since);
      waits = null;
    }
  }
  return { ms, waits: waits?.pause ?? null };
}

/** The turn that a model was asked for and that has no outcome yet. */
export function openTurn(stream: readonly RecordedEntry[]): number | null {
  const last = stream.findLast(({ entry }) => entry?.type.startsWith('turn.'))?.entry;
  return last?.type === 'turn.asked' ? last.data.turn : null;
}

/** An attempt as its stream decides what may be said of it. */
export type AttemptState =
  | { kind: 'none' }
  | {
      kind: 'attempt';
      /** The turn that a model was asked for and that has no outcome yet. */
      asks: number | null;
      closed: boolean;
    };

function evolve(state: AttemptState, entry: Entry): AttemptState {
  if (state.kind === 'none')
    return entry.type === 'attempt.opened' ? { kind: 'attempt', asks: null, closed: false } : state;
  switch (entry.type) {
    case 'turn.asked':
      return { ...state, asks: entry.data.turn };
    case 'turn.recorded':
    case 'turn.lost':
      return { ...state, asks: null };
    case 'attempt.closed':
      return { ...state, closed: true };
    default:
      return state;
  }
}

/** What is put on it: besides what is its own, that the database refused its runner something. */
export type AttemptRecord = AttemptEntry | EntryOf<'database.refused'>;

export const attemptDecider: Decider<AttemptState, AttemptRecord> = {
  initialState: () => ({ kind: 'none' }),
  evolve,
  decide({ record }, state) {
    // Another orchestrator opened it in between, or closed it: the same end.
    if (record.type === 'attempt.opened') return state.kind === 'none' ? accept(record) : accept();
    if (state.kind === 'none') return reject('not-found', 'there is no such attempt');
    if (record.type === 'attempt.closed') {
      if (state.closed) return accept();
      // Its runner may append nothing after this; so a call that it makes now gets its outcome here.
      const reason = 'the attempt was closed while the model was asked';
      return state.asks === null
        ? accept(record)
        : accept({ type: 'turn.lost', data: { turn: state.asks, reason } }, record);
    }
    if (state.closed) return reject('not-due', 'the attempt is closed');
    const settles = record.type === 'turn.recorded' || record.type === 'turn.lost';
    return settles && state.asks !== record.data.turn
      ? reject('not-due', `turn ${record.data.turn} was not asked for, or has its outcome`)
      : accept(record);
  },
};
