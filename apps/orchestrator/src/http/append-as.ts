import type { ProblemDetails } from '@millwright/api';
import type { Actor, DecidedStream, Entry, Rejected } from '@millwright/domain';
import type { Streams } from '../streams/streams.ts';
import { HttpProblem } from './problem.ts';

/**
 * Puts on a stream what a person says, and resolves with its position once the views have it; null where the stream says it already. A `record`
 * may be made of what the stream says until then. `told`: what they are told beside why it may not be said.
 */
export async function appendAs<S, E extends Entry>(
  { streams }: { streams: Streams },
  stream: DecidedStream<S, E>,
  { actor }: { actor: Actor },
  record: E | ((state: S) => E),
  told: ProblemDetails | ((rejected: Rejected, state: S) => ProblemDetails) = {},
): Promise<number | null> {
  const done = await streams.appendShown(stream, actor, ({ state }) =>
    typeof record === 'function' ? record(state) : record,
  );
  if (done.kind !== 'rejected') return done.kind === 'appended' ? done.position : null;
  const details = typeof told === 'function' ? told(done, done.known.state) : told;
  throw new HttpProblem(done.code, done.reason, details);
}
