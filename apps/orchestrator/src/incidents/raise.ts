import { createHash } from 'node:crypto';
import type { OpenTrail } from '@millwright/audit';
import type { Clock, Ids, Instant, RepoName, Ticket, TicketId } from '@millwright/domain';
import type { Store } from '@millwright/store';
import { demoteAfterCritical } from '../autonomy/demote.ts';
import { fileTicket } from '../intake/tickets.ts';
import type { Deployments } from '../releases/deployments.ts';
import type { Settings } from '../settings.ts';
import type { Repositories } from '../source-control/repositories.ts';
import { ORCHESTRATOR } from '../streams/actor.ts';
import type { KnownSecrets } from '../streams/known-secrets.ts';
import type { Register } from '../streams/register.ts';
import type { Streams } from '../streams/streams.ts';
import type { Views } from '../views/views.ts';

type Ports = {
  clock: Clock;
  deployments: Deployments;
  ids: Ids;
  knownSecrets: KnownSecrets;
  register: Register;
  repositories: Repositories;
  settings: Settings;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
  views: Views;
};

/** Something that needs an answer: from an alert, or from the factory's own watch. Its texts are data from outside. */
export type Incident = {
  repo: RepoName;
  /** The same again while its ticket is open, or within the hour, is the same incident. */
  fingerprint: string;
  title: string;
  text: string;
  startedAt: Instant;
  /** Whoever told of it says that it is. Default false. */
  critical?: boolean;
};

/** An incident that comes back sooner after its ticket was closed is not told again. */
const QUIET_MS = 3_600_000;
const MAX_LOG = 16_000;
/** Open incident tickets of a repository at once: an alert whose labels change all the time must not flood it. */
const MAX_OPEN = 20;

export type Raised = { ticket: TicketId | null; again: boolean };

/**
 * Files the ticket of an incident, with what is known now attached: the release that serves, its tickets, its figures and the end of its log.
 * De-duplicated, a storm of the same alert too; the first answer is drawn from the trail (`answerIncidents`), so that a crash in between
 * loses nothing.
 */
export async function raise(factory: Ports, incident: Incident): Promise<Raised> {
  const mine = underWay.get(factory) ?? new Map<string, Promise<Raised>>();
  underWay.set(factory, mine);
  const key = `${incident.repo}/${incident.fingerprint}`;
  const first = mine.get(key);
  if (first !== undefined) return { ...(await first), again: true };
  const filing = file(factory, incident).finally(() => mine.delete(key));
  mine.set(key, filing);
  return filing;
}

/** What is being filed: an incident that is told again meanwhile waits for it, and asks neither the engine nor the database. */
const underWay = new WeakMap<Ports, Map<string, Promise<Raised>>>();

async function file(factory: Ports, incident: Incident): Promise<Raised> {
  const { streams, views, clock } = factory;
  const hash = createHash('sha256').update(incident.fingerprint).digest('hex').slice(0, 24);
  const before = [...views.open.tickets.values()].filter(
    (ticket) => ticket.repo === incident.repo && ticket.incident !== null,
  );
  const same = before.filter((ticket) => ticket.incident?.fingerprint === hash);
  const last = same.at(-1);
  const open = (state: string) => state !== 'done' && state !== 'closed';
  if (last && (open(last.state) || clock.now() - last.filedAt < QUIET_MS))
    return { ticket: last.id, again: true };
  if (before.filter((ticket) => open(ticket.state)).length >= MAX_OPEN) return { ticket: null, again: true };
  const { live } = await streams.target(incident.repo).look();
  // What nothing of the factory's serves in is nothing that its autonomy did.
  if (incident.critical === true && live !== null)
    await demoteAfterCritical(factory, incident.repo, 'critical_incident', live);
  const filed = await fileTicket(
    factory,
    ORCHESTRATOR,
    incident.repo,
    await ticketOf(factory, incident),
    `incident/${hash}/${same.length}`,
    (ticket) => [
      {
        type: 'ticket.incident-raised',
        data: {
          ticket,
          fingerprint: hash,
          release: live,
          startedAt: Math.max(0, Math.round(incident.startedAt)),
        },
      },
    ],
  );
  await streams.shown(filed.position);
  return { ticket: filed.id, again: filed.again };
}

async function ticketOf(factory: Ports, incident: Incident): Promise<Ticket> {
  const { live, history, healed, notHealed } = await factory.streams.target(incident.repo).look();
  const since = history.at(-1)?.at;
  const ticket = live === null ? undefined : (await factory.register.look()).runOf(live)?.ticket;
  const seen = await factory.deployments.evidence(incident.repo, MAX_LOG);
  const lines = [
    incident.text.slice(0, 20_000),
    '',
    live === null
      ? 'Nothing serves.'
      : `Serves: ${live}, since ${new Date(since ?? 0).toISOString()}${ticket === undefined ? '' : `, of ticket ${ticket}`}.`,
    `Brought back so far: ${healed} times, not brought back: ${notHealed} times.`,
    ...(seen.figures === null ? [] : [`Figures: ${seen.figures}.`]),
    ...(seen.log === ''
      ? []
      : ['', 'The end of its log:', '', '```', seen.log.replaceAll('```', "'''"), '```']),
  ];
  return {
    title: incident.title.slice(0, 300),
    kind: 'incident',
    labels: ['incident'],
    acceptance: [],
    body: lines.join('\n').slice(0, 200_000),
  };
}
