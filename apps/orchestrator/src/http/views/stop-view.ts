import type { StopView } from '@millwright/api';
import type { Clock, RunState } from '@millwright/domain';
import { forwardActionOf } from '../../runs/driver.ts';
import { type Forward, liftOf, reasonOf, type Stop, saidBy } from '../../streams/forward.ts';
import type { Views } from '../../views/views.ts';

type Ports = { clock: Clock; forward: Forward; views: Views };
type Names = ReadonlyMap<string, string>;

/** Who said so, why, and what lifts it. */
export function stopView(stop: Stop | null, names: Names): StopView | null {
  if (stop === null) return null;
  const { by, at } = saidBy(stop);
  const name = (actor: string) => names.get(actor) ?? actor;
  return { by: name(by), at, reason: reasonOf(stop, name), next: liftOf(stop) };
}

/** Why a run may not go forward now, whatever it waits for besides. */
export function stopOfRun(factory: Ports, state: RunState, names: Names): StopView | null {
  if (state.kind !== 'run' || state.closed !== null) return null;
  const gate = state.gates.findLast((one) => one.decision === 'needs_approval' && one.ended === null);
  const action = forwardActionOf(state, factory.clock.now()) ?? gate?.action ?? 'stage';
  const open = state.stages.findLast((one) => one.outcome === null);
  const attempt = open && factory.views.open.attempts.get(open.attempt);
  const model = attempt?.asks?.model ?? attempt?.model ?? null;
  return stopView(factory.forward.known({ action, repo: state.repo, model }), names);
}
