import { accept, type Decider, reject } from './decider.ts';
import type { Entry, OutsideEffect, OutsideReference } from './entries/index.ts';
import type { TicketEntry } from './entries/ticket.ts';
import type { RunId } from './ids.ts';

/** A ticket as far as its stream decides what may be said of it. */
export type TicketState =
  | { kind: 'none' }
  | {
      kind: 'ticket';
      /** `open`: a run is owed. `reopened`: what it made was rolled back, and a person says how to go on. */
      is: 'open' | 'running' | 'done' | 'closed' | 'reopened';
      /** Oldest first; the last is the one at work, or that worked last. */
      runs: readonly RunId[];
      /** Of a ticket about an incident: whether the factory has given its first answer. */
      incident: 'none' | 'raised' | 'answered';
      /** What it is elsewhere. */
      links: readonly OutsideReference[];
      /** What is under way of it outside: said to be tried, and not how it ended. */
      trying: readonly OutsideEffect[];
    };

function evolve(state: TicketState, entry: Entry): TicketState {
  if (state.kind === 'none')
    return entry.type === 'ticket.filed'
      ? { kind: 'ticket', is: 'open', runs: [], incident: 'none', links: [], trying: [] }
      : state;
  switch (entry.type) {
    case 'ticket.incident-raised':
      return { ...state, incident: 'raised' };
    case 'ticket.incident-answered':
      return { ...state, incident: state.incident === 'none' ? 'none' : 'answered' };
    case 'ticket.linked': {
      const { ticket: _, ...link } = entry.data;
      return { ...state, links: [...state.links, link] };
    }
    case 'ticket.outside-started':
      return { ...state, trying: [...new Set([...state.trying, entry.data.effect])] };
    case 'ticket.outside-finished':
      return { ...state, trying: state.trying.filter((one) => one !== entry.data.effect) };
    case 'ticket.run-opened': {
      const { run } = entry.data;
      // A run that is let go on is named again.
      return { ...state, is: 'running', runs: state.runs.at(-1) === run ? state.runs : [...state.runs, run] };
    }
    case 'ticket.answered':
      return state.is === 'running' ? state : { ...state, is: 'open' };
    case 'ticket.closed':
      return { ...state, is: entry.data.end === 'done' ? 'done' : 'closed' };
    case 'ticket.reopened':
      return { ...state, is: 'reopened' };
    default:
      return state;
  }
}

export const ticketDecider: Decider<TicketState, TicketEntry> = {
  initialState: () => ({ kind: 'none' }),
  evolve,
  decide({ record }, state) {
    if (state.kind === 'none')
      return record.type === 'ticket.filed' ? accept(record) : reject('not-found', 'there is no such ticket');
    const last = state.runs.at(-1);
    switch (record.type) {
      case 'ticket.filed':
        return reject('exists', 'the ticket exists');
      case 'ticket.incident-raised':
        return state.incident === 'none' && last === undefined
          ? accept(record)
          : reject('not-due', 'a ticket is about an incident from its filing on, and about one');
      case 'ticket.incident-answered':
        if (state.incident === 'none') return reject('not-due', 'the ticket is about no incident');
        return state.incident === 'answered' ? accept() : accept(record);
      case 'ticket.linked': {
        const { kind, id, url } = record.data;
        const known = state.links.some((one) => one.kind === kind && one.id === id && one.url === url);
        return known ? accept() : accept(record);
      }
      case 'ticket.outside-started':
      case 'ticket.proposal-ended':
      case 'ticket.outside-ended':
        return accept(record);
      case 'ticket.outside-finished':
        return state.trying.includes(record.data.effect)
          ? accept(record)
          : reject('not-due', `nobody has said that ${record.data.effect} is tried`);
      case 'ticket.run-opened': {
        const { run } = record.data;
        const resumes = run === last && (state.is === 'closed' || state.is === 'reopened');
        if (state.is !== 'open' && !resumes)
          return reject('not-due', `the ticket is ${state.is}: no run of it is to be opened`);
        if (state.incident === 'raised')
          return reject(
            'not-due',
            'the incident has no first answer yet: a run would begin before its revert',
          );
        return state.is === 'open' && state.runs.includes(run)
          ? reject('not-due', `${run} is over: another run has another id`)
          : accept(record);
      }
      case 'ticket.closed':
      case 'ticket.reopened':
        return state.is === 'running' && record.data.run === last
          ? accept(record)
          : reject('not-due', `${record.data.run} is not at work on the ticket`);
      case 'ticket.answered': {
        const { ticket, run, again } = record.data;
        if (last === undefined) return reject('no-question', 'this ticket has not asked anything yet');
        if (state.is === 'done') return reject('done', 'this ticket is done');
        if (run !== last)
          return reject('not-due', `${run} is not the run that works on the ticket, or did last`);
        return state.is === 'running' || again
          ? accept({ type: 'ticket.answered', data: { ...record.data, again: state.is !== 'running' } })
          : reject(
              'no-question',
              `${ticket} has asked nothing: an answer would start another run, which is paid for`,
            );
      }
    }
  },
};
