import type { Clock } from '@millwright/domain';
import { action } from './tools/bound.ts';

const EVERY_MS = 1_000;

/** Takes a model's thinking as it comes and tells, once a second at most, the line that it is at. */
export function lastThought(
  clock: Pick<Clock, 'now'>,
  tell: (text: string) => void,
): (piece: string) => void {
  let line = '';
  let told = Number.NEGATIVE_INFINITY;
  return (piece) => {
    line = (line + piece).split('\n').findLast((one) => one.trim() !== '') ?? '';
    if (clock.now() - told < EVERY_MS || line.trim() === '') return;
    told = clock.now();
    tell(action(`thinks: ${line}`));
  };
}
