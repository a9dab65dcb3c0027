import type { OpenTrail } from '@millwright/audit';
import type { Actor, Clock } from '@millwright/domain';
import {
  apply,
  initialState,
  type Run,
  type RunEntry,
  type RunId,
  type RunState,
  replay,
  retryable,
  streamOf,
  terminal,
} from '@millwright/domain';
import { ORCHESTRATOR } from './actor.ts';

type Ports = { clock: Clock; trail: OpenTrail };

/** A run as its stream has it now. Written by the orchestrator alone: a conflict means that another orchestrator was faster. */
export type Loaded = { run: Run; version: number };

export async function load(factory: Ports, id: RunId): Promise<Loaded | null> {
  const recorded = await factory.trail.read(streamOf.run(id));
  const entries = recorded.flatMap((one) => (one.entry ? [one.entry] : []));
  const state: RunState = replay(entries, initialState());
  return state.kind === 'none' ? null : { run: state, version: recorded.at(-1)?.envelope.version ?? 0 };
}

export type Recorded =
  | { kind: 'recorded'; loaded: Loaded }
  | { kind: 'rejected'; reason: string }
  | { kind: 'conflict' };

/** Decides `record` on the loaded state and appends it; on a conflict the caller loads and decides again. */
export async function record(
  factory: Ports,
  loaded: Loaded,
  entry: RunEntry,
  actor: Actor = ORCHESTRATOR,
): Promise<Recorded> {
  const { decision, state } = apply({ record: entry, at: factory.clock.now() }, loaded.run);
  if (decision.kind === 'rejected') return decision;
  if (state.kind === 'none') throw terminal('run-lost', 'an accepted entry left no run');
  const appended = await factory.trail.append({
    stream: streamOf.run(loaded.run.id),
    expectedVersion: loaded.version,
    actor,
    entries: decision.entries,
  });
  if (appended.kind === 'refused') throw terminal('trail-refused', appended.reason);
  return appended.kind === 'conflict'
    ? { kind: 'conflict' }
    : { kind: 'recorded', loaded: { run: state, version: appended.version } };
}

/** A person's act on a run: loads, decides, appends, and tries again while others append in between. */
export async function act(
  factory: Ports,
  id: RunId,
  actor: Actor,
  make: (run: Run) => RunEntry | string,
): Promise<Recorded> {
  for (let tries = 0; tries < 20; tries += 1) {
    const loaded = await load(factory, id);
    if (!loaded) return { kind: 'rejected', reason: 'there is no such run' };
    const entry = make(loaded.run);
    if (typeof entry === 'string') return { kind: 'rejected', reason: entry };
    const result = await record(factory, loaded, entry, actor);
    if (result.kind !== 'conflict') return result;
  }
  throw retryable('busy', 'the run is being written to; try again');
}
