import type { Entry } from './entries/index.ts';
import type { Actor, Instant, StreamId } from './ids.ts';

// Every stream has a decider: what it is (`initialState`, folded by `evolve`), and what may be put on it (`decide`). All three are pure.
// `evolve` takes every entry that is on the trail, whatever `decide` would say of it today.

/** Who says something, and when; an entry's envelope has both. */
export type Said = { readonly actor: Actor; readonly at: Instant };

/** `record` is to be put on the stream. */
type Command<E extends Entry> = { readonly record: E } & Said;

/** `not-due`: it does not fit what the stream says by now. The others are what people are told by these names. */
export type RejectionCode =
  | 'above-repository'
  | 'done'
  | 'exists'
  | 'is-admin'
  | 'no-canary'
  | 'no-question'
  | 'not-due'
  | 'not-found'
  | 'not-granted'
  | 'not-linked'
  | 'not-frozen'
  | 'not-halted'
  | 'own-role';
export type Rejected = { kind: 'rejected'; code: RejectionCode; reason: string };

/** The entries that are appended for a command; none where the stream says it already. */
export type Decision = { kind: 'accepted'; entries: Entry[] } | Rejected;

export type Decider<S, E extends Entry> = {
  initialState(): S;
  decide(command: Command<E>, state: S): Decision;
  evolve(state: S, entry: Entry, said: Said): S;
};

/** A stream of the trail, with what decides about it. */
export type DecidedStream<S, E extends Entry> = { readonly id: StreamId; readonly decider: Decider<S, E> };

export const accept = (...entries: Entry[]): Decision => ({ kind: 'accepted', entries });
export const reject = (code: RejectionCode, reason: string): Rejected => ({ kind: 'rejected', code, reason });

/** Decides one record after the other, each on what the ones before it leave. Rejected as soon as one is: then none is appended. */
export function decideAll<S, E extends Entry>(
  { decide, evolve }: Decider<S, E>,
  records: readonly E[],
  said: Said,
  state: S,
): { kind: 'accepted'; entries: Entry[]; state: S } | Rejected {
  const entries: Entry[] = [];
  for (const record of records) {
    const decision = decide({ record, ...said }, state);
    if (decision.kind === 'rejected') return decision;
    entries.push(...decision.entries);
    state = decision.entries.reduce((now, entry) => evolve(now, entry, said), state);
  }
  return { kind: 'accepted', entries, state };
}
