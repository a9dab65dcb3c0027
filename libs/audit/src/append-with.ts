import {
  type Actor,
  type Clock,
  type DecidedStream,
  decideAll,
  type Entry,
  type Instant,
  type Rejected,
  retryable,
  type Trail,
  terminal,
} from '@millwright/domain';

/** Where entries are put: the trail, and the clock that says when. */
export type Appends = { readonly trail: Pick<Trail, 'append' | 'read'>; readonly clock: Pick<Clock, 'now'> };

/** A stream as far as it was read. */
export type Known<S> = { readonly state: S; readonly version: number };

export type Appended<S> =
  | { kind: 'appended'; position: number; known: Known<S> }
  /** There was nothing to say, or the stream says it already. */
  | { kind: 'unchanged'; known: Known<S> }
  | (Rejected & { known: Known<S> });

/** What is said of a stream as it is: records that are decided one after the other, none (null), or why it is not said. */
export type Say<S, E extends Entry> = (known: Known<S>) => E | readonly E[] | Rejected | null;

const TRIES = 20;

/** A stream from its beginning, or what was added since it was `known`. */
export async function readStream<S, E extends Entry>(
  trail: Pick<Trail, 'read'>,
  { id, decider }: DecidedStream<S, E>,
  known: Known<S> = { state: decider.initialState(), version: 0 },
): Promise<Known<S>> {
  const added = await trail.read(id, known.version);
  return {
    state: added.reduce((state, { entry, envelope }) => decider.evolve(state, entry, envelope), known.state),
    version: added.at(-1)?.envelope.version ?? known.version,
  };
}

/**
 * The one way onto a stream: what is said is decided on the stream as it is, and tried again where somebody else appended in between. `say` is
 * called for each try. `known` spares the first reading; a rejection is given only on what has been read here. Rejects where others append all
 * the time, and where the database refuses it. `at`: when it happened; now, where it is not given.
 */
export async function appendWith<S, E extends Entry>(
  { trail, clock }: Appends,
  stream: DecidedStream<S, E>,
  actor: Actor,
  say: Say<S, E>,
  options: { known?: Known<S>; at?: Instant } = {},
): Promise<Appended<S>> {
  let known = options.known ?? (await readStream(trail, stream));
  let fresh = options.known === undefined;
  for (let tries = 0; tries < TRIES; tries += 1) {
    const said = say(known);
    const at = options.at ?? clock.now();
    const decided =
      said === null
        ? { kind: 'accepted' as const, entries: [], state: known.state }
        : 'kind' in said
          ? said
          : decideAll(stream.decider, 'type' in said ? [said] : said, { actor, at }, known.state);
    if (decided.kind === 'accepted' && decided.entries.length > 0) {
      const { entries, state } = decided;
      const done = await trail.append({
        stream: stream.id,
        expectedVersion: known.version,
        actor,
        entries,
        at,
      });
      if (done.kind === 'refused') throw terminal('trail-refused', done.reason);
      if (done.kind === 'appended')
        return { kind: 'appended', position: done.position, known: { state, version: done.version } };
    } else if (fresh) {
      return decided.kind === 'rejected' ? { ...decided, known } : { kind: 'unchanged', known };
    }
    known = await readStream(trail, stream, known);
    fresh = true;
  }
  throw retryable('busy', `${stream.id} is being written to; try again`);
}
