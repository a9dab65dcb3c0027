import type { EntryOf } from './entries/index.ts';
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
