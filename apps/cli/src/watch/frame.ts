import type { RunView } from '@millwright/api';
import type { Look } from '../text/look.ts';
import { canaryLines } from '../views/canary.ts';
import { gateLines } from '../views/gate.ts';
import { runHeadline, stageLines } from '../views/run.ts';
import { stopLines } from '../views/stop.ts';

/** One picture of a run for a terminal: the headline, a line a stage, the gates that were asked. `tick` turns the spinner. */
export function frame(look: Look, run: RunView, now: number, tick: number): string {
  const { spinner } = look.symbol;
  const gates = run.gates.filter((gate) => gate.state !== 'asked').flatMap((gate) => gateLines(look, gate));
  const { canary } = run;
  return [
    runHeadline(look, run, now),
    ...stageLines(look, run, now, { spinner: spinner[tick % spinner.length] ?? look.symbol.running }),
    ...stopLines(look, run.stop),
    ...gates,
    ...(canary === null || (canary.ended !== null && run.endedAt !== null)
      ? []
      : canaryLines(look, canary, now)),
  ].join('\n');
}
