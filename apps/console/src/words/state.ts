import type { CanaryView, GateView, RunView, StageView, TrailLine } from '@millwright/api';

/** How a state looks, in the same way everywhere: a sign and a tone, beside its word. Never a tone alone. */
type Mark = { sign: string; tone: Tone };
export type Tone = 'good' | 'busy' | 'wait' | 'bad' | 'back' | 'quiet';
export type AnyState =
  | RunView['state']
  | StageView['state']
  | GateView['state']
  | CanaryView['verdict']
  | TrailLine['result']
  | 'live'
  | 'canary'
  | 'built'
  | 'abandoned'
  | 'previous'
  | 'good'
  | 'open'
  | 'closed'
  | 'reopened'
  | 'frozen'
  | 'promoted';

const MARKS: Record<Tone, readonly AnyState[]> = {
  good: ['done', 'allowed', 'live', 'healthy', 'promoted'],
  busy: ['running', 'asked', 'canary', 'watching', 'open', 'under_way'],
  wait: ['waiting', 'halted', 'changes_requested', 'reopened', 'inconclusive', 'frozen', 'unknown'],
  bad: ['failed', 'denied', 'expired', 'degraded'],
  back: ['rolled_back'],
  quiet: ['cancelled', 'voided', 'closed', 'built', 'abandoned', 'previous', 'good', 'noted'],
};
const SIGNS: Record<Tone, string> = { good: '✓', busy: '●', wait: '‖', bad: '✕', back: '↩', quiet: '–' };

const TONES = new Map(
  Object.entries(MARKS).flatMap(([tone, states]) => states.map((state) => [state as string, tone as Tone])),
);

export function markOf(state: AnyState): Mark {
  const tone = TONES.get(state) ?? 'quiet';
  return { tone, sign: SIGNS[tone] };
}
