import { z } from 'zod';
import { TicketKind } from '../artifacts.ts';
import { Digest, Instant, ReleaseId, RepoName, RunId, TicketId } from '../ids.ts';
import { freeText } from '../words.ts';
import { e, reason } from './form.ts';
import { RunEnd } from './run.ts';

/** What a ticket is elsewhere: in a tracker, a forge, a chat. `id`: as it is called there. */
export const OutsideReference = z.strictObject({
  kind: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'a kind is small letters, digits and -, such as github'),
  url: z
    .url({ protocol: /^https?$/ })
    .max(2_048)
    .refine((url) => !/^https?:\/\/[^/?#]*@/.test(url), 'an address without a user and a password'),
  id: z.string().min(1).max(200),
});
export type OutsideReference = z.infer<typeof OutsideReference>;

/** What the factory does of a ticket outside: the one comment that says how it stands, the proposal of its change, whether its issue is open. */
export const OutsideEffect = z.enum(['session', 'proposal', 'issue']);
export type OutsideEffect = z.infer<typeof OutsideEffect>;

/** `ticket/<id>` */
export const ticketEntries = [
  e('ticket.filed', {
    ticket: TicketId,
    repo: RepoName,
    digest: Digest,
    kind: TicketKind,
    key: z.string().nullable(),
    /** The run that left open, or came across, what it is about. */
    follows: RunId.optional(),
  }),
  e('ticket.linked', { ticket: TicketId, ...OutsideReference.shape }),
  e('ticket.run-opened', { ticket: TicketId, run: RunId }),
  /** `again`: to a ticket that nobody works on; another run starts with it. */
  e('ticket.answered', {
    ticket: TicketId,
    run: RunId,
    text: freeText(z.string().max(20_000)),
    again: z.boolean(),
  }),
  e('ticket.closed', { ticket: TicketId, run: RunId, end: RunEnd, reason }),
  e('ticket.reopened', { ticket: TicketId, run: RunId, evidence: freeText(z.string().max(20_000)) }),
  /** Filed by an alert or by the factory's own watch, while `release` served; `fingerprint` says what is the same incident. */
  e('ticket.incident-raised', {
    ticket: TicketId,
    fingerprint: z.string().regex(/^[0-9a-f]{24}$/),
    release: ReleaseId.nullable(),
    startedAt: Instant,
  }),
  /** What the factory did first about an incident, before anybody works on its ticket. */
  e('ticket.incident-answered', {
    ticket: TicketId,
    release: ReleaseId.nullable(),
    answer: z.enum(['rolled_back', 'not_rolled_back', 'rollback_failed']),
    reason,
  }),
  /** Before it is tried. `digest`: of what is to be there. Tried again until its outcome is known, under the same key, so that it is there once. */
  e('ticket.outside-started', { ticket: TicketId, effect: OutsideEffect, digest: Digest }),
  /** `reference`: what was made or changed there. `refused`: the place does not let us, and only a change of what is to be there tries again. */
  e('ticket.outside-finished', {
    ticket: TicketId,
    effect: OutsideEffect,
    result: z.enum(['done', 'refused']),
    reference: OutsideReference.nullable(),
    reason,
  }),
  /** What people did there with the proposal of its change. */
  e('ticket.proposal-ended', {
    ticket: TicketId,
    end: z.enum(['merged', 'closed']),
    by: freeText(z.string().max(200)).nullable(),
  }),
  /** Nothing more is to be told of it. */
  e('ticket.outside-ended', { ticket: TicketId }),
] as const;
export type TicketEntry = z.infer<(typeof ticketEntries)[number]>;
