import type { StopView } from '@millwright/api';
import type { Look } from '../text/look.ts';
import { oneLine } from '../text/plain.ts';
import { hang } from '../text/width.ts';

/** That something may not go forward: who said so, why, and the command that lifts it. */
export const stopLines = ({ colour, columns }: Look, stop: StopView | null): string[] =>
  stop === null
    ? []
    : [
        ...hang('  ', oneLine(stop.reason), columns).map(colour.yellow),
        `  ${colour.dim('next:')} ${stop.next}`,
      ];
