import type { OpenTrail } from '@millwright/audit';
import type { Forge } from '@millwright/connect';
import {
  type Clock,
  DriveError,
  type ForgePlace,
  type Ids,
  type Instant,
  type RepoName,
  type TicketId,
  type TicketInfo,
} from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { Logger } from 'pino';
import type { Settings } from '../settings.ts';
import type { Repositories } from '../source-control/repositories.ts';
import type { KnownSecrets } from '../streams/known-secrets.ts';
import type { Streams } from '../streams/streams.ts';
import type { Views } from '../views/views.ts';
import { ISSUE, type Seen, takeIn } from './inbox.ts';
import { endTelling, lookAtProposal, tell } from './outbox.ts';
import type { Places } from './places.ts';

type Ports = {
  clock: Clock;
  ids: Ids;
  knownSecrets: KnownSecrets;
  log: Logger;
  repositories: Repositories;
  settings: Settings;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
  views: Views;
};

/** How often it is looked for what is owed, whatever woke it. Milliseconds. */
const LOOK_MS = 1_000;
/** Until a place that was away is asked again, unless it said when. Milliseconds. */
const AWAY_MS = 2_000;

/** What keeps a place from being asked or told. `until`: it is tried again then. */
export type Delay = { reason: string; since: Instant; until: Instant };

type Kept = { busy: boolean; polledAt: number; seen: Seen; told: Map<TicketId, string>; delay: Delay | null };

/**
 * Follows where repositories are connected to: takes tickets from there, and tells there what becomes of them. Each place by itself: one that is
 * away, or asks to wait, holds up no other. Everything is looked up anew, so that a delivery, or an entry, only makes it look sooner.
 */
export class Outside {
  readonly #factory: Ports;
  readonly #places: Places;
  readonly #wakeIntake: () => void;
  readonly #kept = new Map<RepoName, Kept>();
  readonly #running = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #stopListening: () => void = () => undefined;
  #stopped = false;

  constructor(factory: Ports, places: Places, wakeIntake: () => void) {
    this.#factory = factory;
    this.#places = places;
    this.#wakeIntake = wakeIntake;
  }

  start(): void {
    this.#stopListening = this.#factory.views.listen(({ envelope: { stream } }) => {
      if (stream.startsWith('ticket/') || stream.startsWith('run/')) setImmediate(() => this.#look());
    });
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#stopListening();
    await Promise.all(this.#running);
  }

  /** Asks a place at once: something was delivered from there. */
  poll(repo: RepoName): void {
    this.#keptOf(repo).polledAt = 0;
    this.#look();
  }

  delayOf(repo: RepoName): Delay | null {
    return this.#kept.get(repo)?.delay ?? null;
  }

  #keptOf(repo: RepoName): Kept {
    const known = this.#kept.get(repo) ?? {
      ...{ busy: false, polledAt: 0, seen: { etag: null, issues: new Map() }, told: new Map(), delay: null },
    };
    this.#kept.set(repo, known);
    return known;
  }

  #look(): void {
    if (this.#stopped) return;
    const now = this.#factory.clock.now();
    for (const { repo, place } of this.#factory.views.open.repos.values()) {
      if (place === null) continue;
      const kept = this.#keptOf(repo);
      if (kept.busy || (kept.delay !== null && kept.delay.until > now)) continue;
      kept.busy = true;
      const turn = this.#turn(repo, place, kept).finally(() => {
        kept.busy = false;
        this.#running.delete(turn);
      });
      this.#running.add(turn);
    }
  }

  async #turn(repo: RepoName, place: ForgePlace, kept: Kept): Promise<void> {
    const { clock, log, settings } = this.#factory;
    try {
      const polls = clock.now() - kept.polledAt >= settings.pollMs;
      const owed = this.#owed(repo, kept, polls);
      if (!polls && owed.length === 0) return;
      const forge = await this.#places.of(repo, place);
      if (forge === null)
        throw new DriveError('retryable', 'no-token', `there is no token for ${place.project}`);
      if (polls) {
        kept.polledAt = clock.now();
        if ((await takeIn(this.#factory, repo, place, forge, kept.seen)) > 0) this.#wakeIntake();
      }
      for (const ticket of owed) await this.#tell(forge, ticket, kept, polls);
      // What was taken is told of in the same turn: whoever asked hears at once.
      for (const ticket of this.#owed(repo, kept, false)) await this.#tell(forge, ticket, kept, false);
      kept.delay = null;
    } catch (error) {
      if (this.#stopped) return;
      const reason = error instanceof Error ? error.message : String(error);
      const wait = (error instanceof DriveError ? error.retryAfterMs : undefined) ?? AWAY_MS;
      const since = kept.delay?.since ?? clock.now();
      kept.delay = { reason, since, until: clock.now() + wait };
      // Whether anything new was there is not known.
      kept.polledAt = 0;
      log.warn(
        { err: error, repo },
        'where a repository is connected to could not be followed; it is tried again',
      );
    }
  }

  /** Tickets from there of which something may have to be told; where it is polled, those too whose proposal people may have ended. */
  #owed(repo: RepoName, { told }: Kept, polls: boolean): TicketInfo[] {
    const { tickets, runs } = this.#factory.views.open;
    return [...tickets.values()].filter((ticket) => {
      if (ticket.repo !== repo || issueOf(ticket) === null) return false;
      if ((ticket.state === 'done' || ticket.state === 'closed') && !ticket.untold) return false;
      const proposed = polls && ticket.outside.proposal?.ended === 'done' && ticket.proposal === null;
      return proposed || told.get(ticket.id) !== versionOf(ticket, runs);
    });
  }

  async #tell(forge: Forge, ticket: TicketInfo, kept: Kept, polls: boolean): Promise<void> {
    const issue = issueOf(ticket);
    if (issue === null) return;
    const { views } = this.#factory;
    if (polls) await lookAtProposal(this.#factory, forge, ticket);
    const before = versionOf(views.open.tickets.get(ticket.id) ?? ticket, views.open.runs);
    const over = await tell(this.#factory, forge, ticket.id, issue);
    if (over) await endTelling(this.#factory, ticket.id);
    const now = views.open.tickets.get(ticket.id);
    if (now === undefined) kept.told.delete(ticket.id);
    // What was told changed the ticket itself; anything else that did is looked at again.
    else kept.told.set(ticket.id, over ? versionOf(now, views.open.runs) : before);
  }
}

const issueOf = ({ links }: TicketInfo): number | null => {
  const link = links.find(({ kind }) => kind === ISSUE);
  return link === undefined ? null : Number(link.id);
};

/** What a ticket and its run have come to. */
const versionOf = (
  { version, runs: of }: TicketInfo,
  runs: ReadonlyMap<string, { version: number }>,
): string => `${version}/${of.at(-1) ?? ''}/${runs.get(of.at(-1) ?? '')?.version ?? 'over'}`;
