import type { Next } from '@millwright/api';
import type { RunId } from '@millwright/domain';
import type { Turns } from '../runs/turns.ts';
import type { Runners } from '../streams/runners.ts';
import { noTaker } from './runners.ts';

const nameOf = (scope: string): string => {
  const [kind, name] = scope.split('/');
  return kind === 'factory' ? 'the factory' : kind === 'repo' ? `repository ${name}` : `unit ${name}`;
};

/** What a run's next stage waits for where it is not its turn, and what helps. */
export function waitsForTurn(
  { turns, runners }: { turns: Turns; runners: Runners },
  run: RunId,
): { text: string; next: Next } | null {
  const bound = turns.why(run);
  if (bound === null) return null;
  const itself = { hint: 'it begins by itself when something of that ends' };
  if (bound.kind === 'limit') {
    const { scope, of } = bound;
    return {
      text: `its next stage waits for its turn: ${nameOf(scope)} has as much at work as it may (${of})`,
      next: { ...itself, acts: [{ act: 'set-limit', limit: scope, to: 'to let more begin at once' }] },
    };
  }
  const { needs, of } = bound;
  const waits = 'its next stage waits for a runner';
  if (of > 0) {
    const which = needs.length === 0 ? '' : ` of runners with ${needs.join(', ')}`;
    return {
      text: `${waits}: all ${of} places${which} are taken`,
      next: { ...itself, acts: [{ act: 'list-runners' }] },
    };
  }
  const { text, next } = noTaker(runners.known(), needs);
  return { text: `${waits}: ${text}`, next };
}
