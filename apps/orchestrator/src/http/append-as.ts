import type { ProblemDetails } from '@millwright/api';
import type { Actor, DecidedStream, Entry, Rejected } from '@millwright/domain';
import { type Forward, stops } from '../streams/forward.ts';
import type { Streams } from '../streams/streams.ts';
import { HttpProblem } from './problem.ts';

/**
 * Puts on a stream what a person says, and resolves with its position once the views have it; null where the stream says it already. What it stops is
 * told before that: the views may be late. A `record`
 * may be made of what the stream says until then. `told`: what they are told beside why it may not be said.
 */
export async function appendAs<S, E extends Entry>(
  { streams, forward }: { streams: Streams; forward: Pick<Forward, 'hear'> },
  stream: DecidedStream<S, E>,
  { actor }: { actor: Actor },
  record: E | ((state: S) => E),
  told: ProblemDetails | ((rejected: Rejected, state: S) => ProblemDetails) = {},
): Promise<number | null> {
  let stopsWork = false;
  const done = await streams.append(stream, actor, ({ state }) => {
    const entry = typeof record === 'function' ? record(state) : record;
    stopsWork = stops(entry);
    return entry;
  });
  if (stopsWork && done.kind !== 'rejected') await forward.hear();
  if (done.kind === 'appended') await streams.shown(done.position);
  if (done.kind !== 'rejected') return done.kind === 'appended' ? done.position : null;
  const details = typeof told === 'function' ? told(done, done.known.state) : told;
  throw new HttpProblem(done.code, done.reason, details);
}
