import type { OpenTrail } from '@millwright/audit';
import type { Forge, Issue, Trigger } from '@millwright/connect';
import {
  type Actor,
  type Clock,
  type ForgePlace,
  type Ids,
  type OutsideReference,
  plainLine,
  plainText,
  type RepoName,
  Ticket,
  type TicketId,
  TicketKind,
} from '@millwright/domain';
import type { Store } from '@millwright/store';
import { MAX_TICKET_BYTES } from '../intake/ticket-file.ts';
import { fileTicket } from '../intake/tickets.ts';
import type { Settings } from '../settings.ts';
import type { Repositories } from '../source-control/repositories.ts';
import { personOf } from '../streams/accounts.ts';
import type { KnownSecrets } from '../streams/known-secrets.ts';
import type { Streams } from '../streams/streams.ts';
import type { Views } from '../views/views.ts';

type Ports = {
  clock: Clock;
  ids: Ids;
  knownSecrets: KnownSecrets;
  repositories: Repositories;
  settings: Settings;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
  views: Views;
};

export const ISSUE = 'github-issue';

/** `- [ ] it answers 404`: what a ticket has to do, as issues say it. */
const TO_DO = /^\s*[-*] \[[ xX]\] +(.+)$/gm;

/** An issue as a ticket: its words are data from outside, like any ticket's. Its kind is a label of that name. */
export function ticketFrom(issue: Pick<Issue, 'title' | 'body' | 'labels'>): Ticket {
  const body = plainText(issue.body);
  const kind = TicketKind.options.find((one) => issue.labels.includes(one));
  return Ticket.parse({
    title: plainLine(issue.title).slice(0, 300) || 'An issue without a title',
    ...(kind === undefined ? {} : { kind }),
    labels: issue.labels.slice(0, 32).map((label) => label.slice(0, 64)),
    acceptance: [...body.matchAll(TO_DO)].slice(0, 32).map(([, what = '']) => what.slice(0, 2_000)),
    body: body.slice(0, MAX_TICKET_BYTES / 4),
  });
}

/** Whoever made it a ticket: the person whose account it is, as long as it may push there; else an account, by the id that it keeps when it is renamed. */
async function authorOf(factory: Ports, place: ForgePlace, { by, mayWrite }: Trigger): Promise<Actor> {
  const account = { place: place.kind, api: place.api, account: by.id };
  const person = mayWrite ? await personOf(factory, account) : null;
  return (person ?? `integration/github/${by.id}`) as Actor;
}

/** What of a place was taken, as it was then. Kept in memory: it only saves asking. */
export type Seen = { etag: string | null; issues: Map<number, string> };

/**
 * Files the tickets of a repository's issues that have the label and none yet. What made an issue one is the event of its labelling: however often, and
 * by whichever way it is heard of, it is one ticket; labelled again when that one is over, it is another. Returns how many are new.
 */
export async function takeIn(
  factory: Ports,
  repo: RepoName,
  place: ForgePlace,
  forge: Forge,
  seen: Seen,
): Promise<number> {
  const found = await forge.labelled(place.label, seen.etag);
  if (found === null) return 0;
  let taken = 0;
  for (const issue of found.issues) {
    if (seen.issues.get(issue.number) === issue.changed) continue;
    if (!isAtWork(factory, repo, issue)) {
      const trigger = await forge.trigger(issue.number, place.label);
      if (trigger !== null) {
        const filed = await fileTicket(
          factory,
          await authorOf(factory, place, trigger),
          repo,
          ticketFrom(issue),
          `${place.kind}/${place.project}#${issue.number}/${trigger.id}`,
          (ticket: TicketId) => [{ type: 'ticket.linked', data: { ticket, ...referenceOf(issue) } }],
        );
        if (!filed.again) taken += 1;
        await factory.streams.shown(filed.position);
      }
    }
    seen.issues.set(issue.number, issue.changed);
  }
  // Only once all of it is taken: what failed in between is read again.
  seen.etag = found.etag;
  return taken;
}

const referenceOf = ({ number, url }: Issue): OutsideReference => ({ kind: ISSUE, url, id: String(number) });

/** A ticket of it is under way: what is said of it here is that one's. */
const isAtWork = ({ views }: Pick<Ports, 'views'>, repo: RepoName, { url }: Issue): boolean =>
  [...views.open.tickets.values()].some(
    (ticket) =>
      ticket.repo === repo &&
      ticket.state !== 'done' &&
      ticket.state !== 'closed' &&
      ticket.links.some((link) => link.kind === ISSUE && link.url === url),
  );
