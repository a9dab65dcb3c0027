import type { Appended } from '@millwright/audit';
import {
  type Actor,
  type Run,
  type RunEntry,
  type RunId,
  type RunState,
  reject,
  runStream,
} from '@millwright/domain';
import { ORCHESTRATOR } from './actor.ts';
import type { Streams } from './streams.ts';

type Ports = { streams: Streams };

/** A run as its stream has it now. Written by the orchestrator alone: a conflict means that another orchestrator was faster. */
export type Loaded = { run: Run; version: number };

export async function load({ streams }: Ports, id: RunId): Promise<Loaded | null> {
  const { state, version } = await streams.read(runStream(id));
  return state.kind === 'none' ? null : { run: state, version };
}

export type Recorded =
  | { kind: 'recorded'; loaded: Loaded }
  | { kind: 'rejected'; reason: string }
  | { kind: 'conflict' };

/** Decides `entry` on the loaded state and appends it; where the run has moved since, the caller loads and decides again. */
export async function record(
  { streams }: Ports,
  { run, version }: Loaded,
  entry: RunEntry,
  actor: Actor = ORCHESTRATOR,
): Promise<Recorded> {
  const known = { state: run, version };
  const done = await streams.append(
    runStream(run.id),
    actor,
    (now) => (now.version === version ? entry : null),
    { known },
  );
  return recorded(done);
}

/** A person's act on a run, decided on the run as it is. */
export async function act(
  { streams }: Ports,
  id: RunId,
  actor: Actor,
  make: (run: Run) => RunEntry | string,
): Promise<Recorded> {
  const done = await streams.append(runStream(id), actor, ({ state }) => {
    if (state.kind === 'none') return reject('not-found', 'there is no such run');
    const entry = make(state);
    return typeof entry === 'string' ? reject('not-due', entry) : entry;
  });
  return recorded(done);
}

function recorded(done: Appended<RunState>): Recorded {
  if (done.kind === 'rejected') return done;
  const { state, version } = done.known;
  return done.kind === 'unchanged' || state.kind === 'none'
    ? { kind: 'conflict' }
    : { kind: 'recorded', loaded: { run: state, version } };
}
