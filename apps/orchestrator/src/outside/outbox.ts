import { createHash } from 'node:crypto';
import type { Forge, Proposal } from '@millwright/connect';
import {
  type Clock,
  type Digest,
  DriveError,
  type OutsideEffect,
  type OutsideReference,
  type Run,
  type RunId,
  type TicketEntry,
  type TicketId,
  type TicketInfo,
  ticketStream,
} from '@millwright/domain';
import type { Store } from '@millwright/store';
import { nextOfTicket } from '../intake/next-actor.ts';
import type { Repositories } from '../source-control/repositories.ts';
import { ORCHESTRATOR } from '../streams/actor.ts';
import type { KnownSecrets } from '../streams/known-secrets.ts';
import type { Streams } from '../streams/streams.ts';
import type { Views } from '../views/views.ts';
import { proposalOf } from './proposal.ts';
import { sessionOf } from './session.ts';

type Ports = {
  clock: Clock;
  knownSecrets: KnownSecrets;
  repositories: Repositories;
  store: Store;
  streams: Streams;
  views: Views;
};

/**
 * Makes what is told of a ticket what it is now. What is owed follows from the trail: nothing is queued, and whoever goes on after a crash finds the
 * same. True where nothing more can come of it.
 */
export async function tell(factory: Ports, forge: Forge, id: TicketId, issue: number): Promise<boolean> {
  const { ticket, run, session, proposes } = await standing(factory, id);
  const said = new Told(factory, ticket);
  await said.once('session', { issue, body: session.body }, (known) =>
    forge.say(issue, ticket.id, session.body, known),
  );
  if (session.issueOpen !== null) {
    const open = session.issueOpen;
    await said.once('issue', { issue, open }, () => forge.setOpen(issue, open));
  }
  let proposed = true;
  if (proposes !== null && run !== null) {
    const what = await proposalOf(factory, run, issue);
    const { branch: base } = await factory.repositories.open(ticket.repo);
    await said.once('proposal', { ...what, head: proposes, base }, async () => {
      const made = await forge.propose({ ...what, head: proposes, base });
      await ended(factory, ticket.id, made);
      return made.reference;
    });
    proposed = ticket.proposal !== null || said.refused('proposal');
  }
  return proposed && (ticket.state === 'done' || ticket.state === 'closed');
}

/** Whether people have merged or closed what was proposed. */
export async function lookAtProposal(factory: Ports, forge: Forge, ticket: TicketInfo): Promise<void> {
  const reference = ticket.outside.proposal?.reference;
  if (ticket.proposal !== null || reference == null) return;
  await ended(factory, ticket.id, await forge.proposal(reference));
}

async function ended(factory: Ports, ticket: TicketId, { state, by }: Proposal): Promise<void> {
  if (state === 'open') return;
  const data = { ticket, end: state, by: by?.name ?? null };
  await say(factory, ticket, { type: 'ticket.proposal-ended', data });
}

export const endTelling = (factory: Ports, ticket: TicketId): Promise<void> =>
  say(factory, ticket, { type: 'ticket.outside-ended', data: { ticket } });

async function standing(factory: Ports, id: TicketId) {
  const known = factory.views.open.tickets.get(id);
  const last = known?.runs.at(-1);
  const runs = last === undefined ? [] : [last as RunId];
  const fold = await factory.views.with({ tickets: [id], runs });
  const ticket = fold.tickets.get(id);
  if (ticket === undefined) throw new Error(`${id} is in no row`);
  const run: Run | null = (last !== undefined && fold.run(last)) || null;
  const session = sessionOf(ticket, run, nextOfTicket(fold, ticket, factory.clock.now()));
  const merge = run?.merge?.kind === 'finished' ? run.merge : null;
  return { ticket, run, session, proposes: merge?.delivered === 'branch' ? merge.ref : null };
}

/** What is done outside for one ticket: said before, and how it ended after. */
class Told {
  readonly #factory: Ports;
  readonly #ticket: TicketInfo;
  readonly #refused = new Set<OutsideEffect>();

  constructor(factory: Ports, ticket: TicketInfo) {
    this.#factory = factory;
    this.#ticket = ticket;
  }

  refused(effect: OutsideEffect): boolean {
    return this.#refused.has(effect) || this.#ticket.outside[effect]?.ended === 'refused';
  }

  /** Does it unless it was done so already. What is refused is tried again once there is something else to say. */
  async once(
    effect: OutsideEffect,
    what: object,
    act: (known: OutsideReference | null) => Promise<OutsideReference>,
  ): Promise<void> {
    const digest = digestOf(what);
    const before = this.#ticket.outside[effect];
    if (before?.digest === digest && before.ended !== null) return;
    const ticket = this.#ticket.id;
    if (before?.digest !== digest)
      await say(this.#factory, ticket, {
        type: 'ticket.outside-started',
        data: { ticket, effect, digest },
      });
    const end = async (result: 'done' | 'refused', reference: OutsideReference | null, reason: string) =>
      say(this.#factory, ticket, {
        type: 'ticket.outside-finished',
        data: { ticket, effect, result, reference, reason: reason.slice(0, 1_000) },
      });
    try {
      await end('done', await act(before?.reference ?? null), '');
    } catch (error) {
      if (!(error instanceof DriveError) || error.disposition !== 'terminal') throw error;
      this.#refused.add(effect);
      await end('refused', null, error.message);
    }
  }
}

const digestOf = (what: object): Digest =>
  `sha256:${createHash('sha256').update(JSON.stringify(what)).digest('hex')}` as Digest;

async function say({ streams }: Ports, id: TicketId, entry: TicketEntry): Promise<void> {
  await streams.appendShown(ticketStream(id), ORCHESTRATOR, () => entry);
}
