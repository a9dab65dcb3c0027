import type { TicketKind } from '../artifacts.ts';
import type { Entry, EntryOf, OutsideEffect, OutsideReference } from '../entries/index.ts';
import type { Envelope, RecordedEntry } from '../envelope.ts';
import type { Actor, Digest, Instant, RepoName, RunId, TicketId } from '../ids.ts';

/** An effect outside. `digest`: of what is to be there. */
type Told = {
  digest: Digest;
  ended: 'done' | 'refused' | null;
  reference: OutsideReference | null;
  reason: string;
};

/** A ticket as far as its stream has got. */
export type TicketInfo = {
  id: TicketId;
  repo: RepoName;
  digest: Digest;
  kind: TicketKind;
  author: Actor;
  filedAt: Instant;
  version: number;
  runs: RunId[];
  state: 'open' | 'running' | 'done' | 'closed' | 'reopened';
  evidence: string[];
  links: OutsideReference[];
  /** What was tried of it outside, and what is there; `ended` null while it was tried and nobody knows how it ended. */
  outside: Partial<Record<OutsideEffect, Told>>;
  /** How people ended the proposal of its change. */
  proposal: { end: 'merged' | 'closed'; by: string | null } | null;
  /** More is to be told of it outside than is there. */
  untold: boolean;
  /** The run that it follows up on. */
  follows: RunId | null;
  /** Of a ticket that an alert or the factory's own watch filed. */
  incident: (Omit<EntryOf<'ticket.incident-raised'>['data'], 'ticket'> & { answered: boolean }) | null;
};

/** A ticket as its own stream has it, whole; undefined before it is filed. */
export function ticketOf(stream: readonly RecordedEntry[]): TicketInfo | undefined {
  const tickets = new Map<TicketId, TicketInfo>();
  for (const { envelope, entry } of stream) foldTicket(tickets, envelope, entry);
  return [...tickets.values()][0];
}

/** Folds an entry of a ticket's stream into `tickets`. */
export function foldTicket(tickets: Map<TicketId, TicketInfo>, envelope: Envelope, entry: Entry): void {
  if (entry.type === 'ticket.filed') {
    const { ticket: id, repo, digest, kind, follows = null } = entry.data;
    const { actor: author, at: filedAt, version } = envelope;
    tickets.set(id, {
      ...{ id, repo, digest, kind, author, filedAt, version },
      ...{
        runs: [],
        state: 'open',
        evidence: [],
        links: [],
        incident: null,
        follows,
        outside: {},
        untold: false,
        proposal: null,
      },
    });
    return;
  }
  const ticket = tickets.get(envelope.stream.slice('ticket/'.length) as TicketId);
  if (ticket === undefined) return;
  ticket.version = envelope.version;
  switch (entry.type) {
    case 'ticket.incident-raised': {
      const { ticket: _id, ...incident } = entry.data;
      ticket.incident = { ...incident, answered: false };
      return;
    }
    case 'ticket.incident-answered':
      if (ticket.incident) ticket.incident.answered = true;
      ticket.evidence.push(
        `the factory's first answer: ${entry.data.answer.replaceAll('_', ' ')}: ${entry.data.reason}`,
      );
      return;
    case 'ticket.linked': {
      const { ticket: _id, ...link } = entry.data;
      ticket.links.push(link);
      return;
    }
    case 'ticket.outside-started': {
      const { effect, digest } = entry.data;
      const reference = ticket.outside[effect]?.reference ?? null;
      ticket.outside = { ...ticket.outside, [effect]: { digest, ended: null, reference, reason: '' } };
      ticket.untold = true;
      return;
    }
    case 'ticket.outside-finished': {
      const { effect, result: ended, reference, reason } = entry.data;
      const before = ticket.outside[effect];
      if (before === undefined) return;
      const there = reference ?? before.reference;
      ticket.outside = { ...ticket.outside, [effect]: { ...before, ended, reference: there, reason } };
      return;
    }
    case 'ticket.proposal-ended':
      ticket.proposal = { end: entry.data.end, by: entry.data.by };
      return;
    case 'ticket.outside-ended':
      ticket.untold = false;
      return;
    case 'ticket.run-opened':
      // A run that is let go on is named again.
      if (ticket.runs.at(-1) !== entry.data.run) ticket.runs.push(entry.data.run);
      ticket.state = 'running';
      return;
    case 'ticket.answered':
      if (ticket.state === 'running') return;
      ticket.state = 'open';
      ticket.evidence.push(entry.data.text);
      return;
    case 'ticket.closed':
      ticket.state = entry.data.end === 'done' ? 'done' : 'closed';
      return;
    case 'ticket.reopened':
      ticket.state = 'reopened';
      ticket.evidence.push(entry.data.evidence);
      return;
    default:
      return;
  }
}
