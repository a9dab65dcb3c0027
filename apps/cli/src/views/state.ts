import type { GateView, RunStateName, StageView } from '@millwright/api';
import type { Look } from '../text/look.ts';
import type { Cell } from '../text/table.ts';

export type AnyState = RunStateName | StageView['state'] | GateView['state'] | 'open' | 'closed' | 'reopened';

type Mark = { symbol: string; paint: (text: string) => string };

/** One symbol and one colour a state, the same everywhere. */
export function markOf(look: Look, state: AnyState): Mark {
  const { colour, symbol } = look;
  switch (state) {
    case 'done':
    case 'allowed':
      return { symbol: symbol.done, paint: colour.green };
    case 'running':
    case 'asked':
    case 'open':
      return { symbol: symbol.running, paint: colour.cyan };
    case 'waiting':
    case 'halted':
      return { symbol: symbol.waiting, paint: colour.yellow };
    case 'changes_requested':
    case 'reopened':
      return { symbol: symbol.again, paint: colour.yellow };
    case 'failed':
    case 'denied':
    case 'expired':
      return { symbol: symbol.failed, paint: colour.red };
    case 'rolled_back':
      return { symbol: symbol.back, paint: colour.magenta };
    case 'cancelled':
    case 'voided':
    case 'closed': // a ticket that ended without shipping; its last run says why
      return { symbol: symbol.cancelled, paint: colour.dim };
  }
}

/** A state in words: `rolled back`. */
export const wordsOf = (state: string): string => state.replaceAll('_', ' ');

export const stateCell = (look: Look, state: AnyState): Cell => {
  const mark = markOf(look, state);
  return { text: `${mark.symbol} ${wordsOf(state)}`, paint: mark.paint };
};

/** Exit code of a run's end, of those in docs/commands.md; null while it goes on. */
export function exitCodeOf(state: RunStateName): 0 | 1 | 5 | 6 | null {
  switch (state) {
    case 'done':
      return 0;
    case 'failed':
    case 'cancelled':
      return 1;
    case 'denied':
      return 5;
    case 'rolled_back':
      return 6;
    case 'running':
    case 'waiting':
    case 'halted':
      return null;
  }
}
