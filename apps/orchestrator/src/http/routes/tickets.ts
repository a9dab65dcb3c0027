import type { TicketView } from '@millwright/api';
import type { OpenTrail } from '@millwright/audit';
import type { Clock, Fold, TicketInfo } from '@millwright/domain';
import {
  getJson,
  questionOf,
  type RepoName,
  type RoleScope,
  streamOf,
  Ticket,
  type TicketId,
  ticketStream,
} from '@millwright/domain';
import type { Secrets, Store } from '@millwright/store';
import type { FastifyInstance } from 'fastify';
import { nextOfTicket } from '../../intake/next-actor.ts';
import { setupOf } from '../../intake/setup.ts';
import { parseTicketFile } from '../../intake/ticket-file.ts';
import { fileTicket, settleTicket, standingOf } from '../../intake/tickets.ts';
import type { Deployments } from '../../releases/deployments.ts';
import type { Settings } from '../../settings.ts';
import type { Repositories } from '../../source-control/repositories.ts';
import type { Forward } from '../../streams/forward.ts';
import type { KnownSecrets } from '../../streams/known-secrets.ts';
import { act } from '../../streams/run-stream.ts';
import type { Streams } from '../../streams/streams.ts';
import type { Views } from '../../views/views.ts';
import { type Api, serve, serveThere } from '../api.ts';
import { appendAs } from '../append-as.ts';
import { namesOf } from '../names.ts';
import { newestRows } from '../page.ts';
import { HttpProblem, notFound, problem } from '../problem.ts';
import { stopOfRun } from '../views/stop-view.ts';
import { ofRepo, ofRepository } from './repos.ts';

type Ports = {
  clock: Clock;
  deployments: Deployments;
  forward: Forward;
  knownSecrets: KnownSecrets;
  modelKey: boolean | null;
  repositories: Repositories;
  secrets: Secrets;
  settings: Settings;
  store: Store;
  streams: Streams;
  trail: Pick<OpenTrail, 'read'>;
  views: Views;
};

/** Throws where nothing can be done in the repository as it stands, with what to mend. */
export async function mayBeFiled(
  factory: Pick<Ports, 'modelKey' | 'repositories' | 'secrets' | 'store'>,
  repo: RepoName,
): Promise<void> {
  const standing = await standingOf(await factory.repositories.open(repo));
  if (standing.kind === 'unready')
    throw problem(standing.code, standing.message, 'nothing was filed; mend it and file the ticket again');
  const blocking = (await setupOf(factory, repo)).troubles.filter((one) => one.blocks);
  const [first] = blocking;
  if (first !== undefined)
    throw new HttpProblem('not-set-up', blocking.map((one) => one.text).join('; '), {
      kept: 'nothing was filed, and nothing is paid for',
      ...first.fix,
    });
}

export function ticketRoutes(app: FastifyInstance, api: Api): void {
  const { factory, driver, wakeIntake } = api;
  const known = async (id: TicketId): Promise<Found> => {
    const fold = await factory.views.with({ tickets: [id] });
    // One that was filed a moment ago is on its stream before it is in the rows.
    if (!fold.tickets.has(id))
      for (const recorded of await factory.trail.read(streamOf.ticket(id))) fold.fold(recorded);
    const info = fold.tickets.get(id);
    if (!info) throw notFound('ticket', id, { act: 'list-tickets' });
    return { info, fold };
  };

  const where = async ({ params }: { params: { id: TicketId } }): Promise<RoleScope> => ({
    kind: 'repo',
    repo: (await known(params.id)).info.repo,
  });

  serveThere(
    app,
    api,
    'fileTicket',
    ({ body }) => ofRepository(factory, body.repo),
    async (request, reply, { repo }) => {
      const parsed = parseTicketFile(request.body.markdown, request.body.kind);
      if (parsed.kind === 'invalid') throw problem(parsed.code, parsed.message);
      await mayBeFiled(factory, repo);
      const filed = await fileTicket(
        factory,
        request.who.actor,
        repo,
        parsed.ticket,
        request.headers['idempotency-key'] ?? null,
      );
      await factory.streams.shown(filed.position);
      wakeIntake();
      return reply.status(filed.again ? 200 : 201).send(await ticketView(factory, await known(filed.id)));
    },
  );

  serve(app, 'listTickets', async (request, reply) => {
    ofRepo(factory, request.query.repo);
    const part = await newestRows(factory, 'tickets', request.query, reply);
    const fold = await factory.views.with({ tickets: part.map(({ id }) => id) });
    return Promise.all(part.map((info) => ticketView(factory, { info, fold })));
  });

  serve(app, 'showTicket', async (request) => ticketView(factory, await known(request.params.id)));

  serveThere(app, api, 'linkTicket', where, async (request) => {
    const { id } = (await known(request.params.id)).info;
    const linked = { type: 'ticket.linked', data: { ticket: id, ...request.body } } as const;
    await appendAs(factory, ticketStream(id), request.who, linked);
    return ticketView(factory, await known(id));
  });

  /** An answer to the planner's question, or to an implementer that is blocked; on a ticket that is closed or reopened, word that starts another run. */
  serveThere(app, api, 'answerTicket', where, async (request) => {
    const { info: ticket, fold } = await known(request.params.id);
    const run = ticket.runs.at(-1);
    if (run === undefined) throw problem('no-question', 'this ticket has not asked anything yet');
    const text = (await factory.knownSecrets.now()).mask(request.body.text);
    const last = fold.run(run);
    // Its run is over and not folded into it yet: a moment later it would be.
    if (last?.closed) await settleTicket(factory, ticket, last);
    else if (ticket.state === 'running') {
      const answered = await act(factory, run, request.who.actor, (state) =>
        questionOf(state)
          ? { type: 'question.answered', data: { answer: text } }
          : 'the run has not asked anything',
      );
      if (answered.kind === 'rejected')
        throw problem('no-question', answered.reason, { act: 'show-run', id: run });
    }
    const again = request.body.again ?? false;
    const answer = { type: 'ticket.answered', data: { ticket: ticket.id, run, text, again } } as const;
    await appendAs(factory, ticketStream(ticket.id), request.who, answer, ({ code }) =>
      code === 'done'
        ? { hint: 'file another ticket' }
        : {
            kept: 'the ticket is as it was, and nothing was started',
            acts: [
              { act: 'retry-run', id: run, to: 'to go on from where it was' },
              {
                act: 'answer-ticket',
                id: ticket.id,
                again: true,
                to: 'to start another with what you say',
              },
            ],
          },
    );
    driver.drive(run);
    wakeIntake();
    return ticketView(factory, await known(ticket.id));
  });
}

type Found = { info: TicketInfo; fold: Fold };

export async function ticketView(factory: Ports, { info, fold }: Found): Promise<TicketView> {
  const run = fold.run(info.runs.at(-1) as never);
  const names = await namesOf(factory);
  const stop = info.state === 'running' && run ? stopOfRun(factory, run, names) : null;
  const waits =
    run !== undefined &&
    !run.closed &&
    (run.parked !== null ||
      questionOf(run) !== null ||
      run.gates.some((gate) => gate.decision === 'needs_approval' && gate.ended === null));
  return {
    id: info.id,
    repo: info.repo,
    state: info.state !== 'running' ? info.state : stop !== null ? 'halted' : waits ? 'waiting' : 'running',
    stop,
    ticket: await getJson(factory.store.artifacts, Ticket, info.digest),
    // A run is announced on its ticket a moment before it opens; until then nobody could follow it.
    runs: info.runs.filter((id) => fold.runs.has(id)),
    question: (run && questionOf(run)?.question) ?? null,
    evidence: info.evidence,
    links: info.links,
    outside: toldOf(info),
    follows: info.follows,
    filedAt: info.filedAt,
    author: names.get(info.author) ?? info.author,
    next:
      stop === null
        ? nextOfTicket(fold, info, factory.clock.now())
        : { who: 'admin', text: 'let it go on', acts: [stop.next] },
  };
}

const UNDO = {
  session: 'delete the comment there',
  proposal: 'close it there, and delete its branch',
  issue: 'open or close it there',
} as const;

const toldOf = ({ outside }: TicketInfo): TicketView['outside'] =>
  (Object.keys(UNDO) as (keyof typeof UNDO)[]).flatMap((effect) => {
    const told = outside[effect];
    if (told === undefined) return [];
    const { ended, reference, reason } = told;
    return [{ effect, ended, url: reference?.url ?? null, reason, undo: UNDO[effect] }];
  });
