import type { Next } from '@millwright/api';
import type { RunId } from '@millwright/domain';
import type { Turns } from '../runs/turns.ts';

const nameOf = (scope: string): string => {
  const [kind, name] = scope.split('/');
  return kind === 'factory' ? 'the factory' : kind === 'repo' ? `repository ${name}` : `unit ${name}`;
};

/** What a run's next stage waits for where it is not its turn, and what helps. */
export function waitsForTurn({ turns }: { turns: Turns }, run: RunId): { text: string; next: Next } | null {
  const bound = turns.why(run);
  if (bound === null) return null;
  const { scope, of } = bound;
  return {
    text: `its next stage waits for its turn: ${nameOf(scope)} has as much at work as it may (${of})`,
    next: {
      hint: 'it begins by itself when something of that ends',
      acts: [{ act: 'set-limit', limit: scope, to: 'to let more begin at once' }],
    },
  };
}
