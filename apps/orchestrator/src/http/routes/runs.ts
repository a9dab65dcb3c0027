import { createHash } from 'node:crypto';
import { type Act, type Next, ROUTES, type RunView } from '@millwright/api';
import type { OpenTrail } from '@millwright/audit';
import type { Clock, Fold, RunInfo } from '@millwright/domain';
import {
  attemptStream,
  getJson,
  keptRef,
  nextActor,
  plainLine,
  questionOf,
  type RecordedEntry,
  type Role,
  type RoleScope,
  type Run,
  type RunId,
  sendsBack,
  streamOf,
  TestReport,
  Ticket,
} from '@millwright/domain';
import type { ReadModel } from '@millwright/read-model';
import type { Secrets, Store } from '@millwright/store';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { fileTicket, resumeRun } from '../../intake/tickets.ts';
import type { Deployments } from '../../releases/deployments.ts';
import { unstick } from '../../releases/freeze.ts';
import type { Turns } from '../../runs/turns.ts';
import type { Settings } from '../../settings.ts';
import type { Repositories } from '../../source-control/repositories.ts';
import type { Forward } from '../../streams/forward.ts';
import { lifts, stops } from '../../streams/forward.ts';
import type { KnownSecrets } from '../../streams/known-secrets.ts';
import type { Register } from '../../streams/register.ts';
import { act } from '../../streams/run-stream.ts';
import type { Runners } from '../../streams/runners.ts';
import type { Streams } from '../../streams/streams.ts';
import type { Views } from '../../views/views.ts';
import { type Api, serve, serveThere } from '../api.ts';
import { namesOf } from '../names.ts';
import { firstOf, firstPlaces, newestRows } from '../page.ts';
import { HttpProblem, notFound, problem } from '../problem.ts';
import { waitsForRunner } from '../runners.ts';
import { shown } from '../shown.ts';
import { waitsForTurn } from '../turns.ts';
import { sentence } from '../views/account.ts';
import { canaryOfRelease } from '../views/canary-view.ts';
import {
  changeOf,
  costView,
  diffView,
  failureLines,
  logLine,
  planView,
  recordedOf,
  reviewViews,
  testViews,
} from '../views/run-parts.ts';
import { followUpsOf, pausedFor, runView } from '../views/run-view.ts';
import { stopOfRun } from '../views/stop-view.ts';
import { untilQuiet } from './factory.ts';
import { knownRepo, ofRepo } from './repos.ts';
import { mayBeFiled, ticketView } from './tickets.ts';

/** Who plans and makes. Nobody tells those who judge what to find. */
const STEERED: ReadonlySet<Role> = new Set(['plan', 'implement']);

type Ports = {
  clock: Clock;
  deployments: Deployments;
  forward: Forward;
  knownSecrets: KnownSecrets;
  log: Logger;
  readModel: ReadModel;
  register: Register;
  repositories: Repositories;
  runners: Runners;
  retrying: Map<RunId, string>;
  secrets: Secrets;
  settings: Settings;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
  turns: Turns;
  awaitingCheckpoint: Map<RunId, string>;
  views: Views;
};

const UNSEALED: Next = {
  hint: 'once what is missing is there the run goes on by itself',
  acts: [{ act: 'check-factory', to: 'to see what is missing' }],
};

/** Lines of a failed release's or test's words that are shown. */
const SAID_LINES = 15;

type Found = { info: RunInfo; fold: Fold };

export function runRoutes(app: FastifyInstance, api: Api): void {
  const { factory, driver, wakeIntake } = api;
  const known = async (id: RunId): Promise<Found> => {
    const fold = await factory.views.with({ whole: [id] });
    const info = fold.runs.get(id);
    if (!info) throw notFound('run', id, { act: 'list-runs' });
    return { info, fold };
  };
  const waitOf = (id: RunId) => factory.awaitingCheckpoint.get(id) ?? factory.retrying.get(id);
  const view = async (
    { info, fold }: Found,
    whole = true,
    people?: Map<string, string>,
  ): Promise<RunView> => {
    const now = factory.clock.now();
    const names = people ?? (await namesOf(factory));
    const stop = stopOfRun(factory, info.state, names);
    const seen = await runView(factory.store, fold, info, now, names, whole, stop);
    if (!seen) throw notFound('run', info.id, { act: 'list-runs' });
    // What another orchestrator began on the target and this one watches again is under way.
    const watched = seen.unknown.length > 0 && (await factory.forward.target(seen.repo)).canary?.release;
    if (watched === seen.release && factory.deploys.busy(seen.repo))
      seen.unknown = seen.unknown.filter(({ effect }) => effect !== 'deploy' && effect !== 'target');
    if (seen.stages.some((stage) => stage.asks !== null)) await addDoing(factory, seen);
    const release = seen.release === null ? undefined : fold.releases.get(seen.release);
    const canary = release === undefined ? null : await canaryOfRelease(factory, fold, release, names);
    const waits = seen.endedAt === null ? waitOf(info.id) : undefined;
    // A halt is told before what is waited for besides: nothing of it goes on meanwhile.
    if (waits !== undefined && seen.stop === null)
      return { ...seen, canary, state: 'waiting', reason: waits };
    // Its turn comes by itself: it goes on, and nobody has to do anything.
    const turn = seen.state === 'running' ? waitsForTurn(factory, info.id) : null;
    return turn === null ? { ...seen, canary } : { ...seen, canary, reason: turn.text };
  };
  const viewOf = async (id: RunId) => view(await known(id));
  const runOf = ({ info: { id, state } }: Found): Run => {
    if (state.kind !== 'run') throw notFound('run', id, { act: 'list-runs' });
    return state;
  };
  const stateOf = async (id: RunId) => runOf(await known(id));

  serve(app, 'listRuns', async (request, reply) => {
    ofRepo(factory, request.query.repo);
    const part = await newestRows(factory, 'runs', request.query, reply);
    const names = await namesOf(factory);
    const fold = await factory.views.with({ whole: part.map(({ id }) => id) });
    return Promise.all(part.map((info) => view({ info, fold }, false, names)));
  });
  serve(app, 'showRun', (request) => viewOf(request.params.id));

  serve(app, 'showDiff', async (request) => {
    const run = await stateOf(request.params.id);
    const change = changeOf(run);
    if (change === null)
      throw problem('no-change', 'this run has made no change yet', {
        act: 'show-run',
        id: run.id,
        to: 'for where it is',
      });
    const tested = run.tests.findLast((test) => test.tree === change.to);
    const report = tested ? await getJson(factory.store.artifacts, TestReport, tested.report) : null;
    return diffView(factory, run, change, report);
  });
  serve(app, 'showPlan', async (request) => planView(factory, await stateOf(request.params.id)));
  serve(app, 'listReviews', async (request, reply) => {
    const run = await stateOf(request.params.id);
    return reviewViews(factory, run, firstPlaces(run.reviews, request.query, reply));
  });
  serve(app, 'listTests', async (request, reply) =>
    firstPlaces(await testViews(factory, await stateOf(request.params.id)), request.query, reply),
  );
  serve(app, 'showLogs', async (request, reply) => {
    const run = await stateOf(request.params.id);
    const { attempt } = request.query;
    if (attempt !== undefined && !run.stages.some((stage) => stage.attempt === attempt))
      throw notFound('attempt of this run', attempt, {
        act: 'show-logs',
        id: run.id,
        to: 'which names them',
      });
    const recorded = await recordedOf(factory, run, attempt);
    const part = firstOf(recorded, request.query, reply, ({ envelope }) => String(envelope.position));
    return Promise.all(part.map((one) => logLine(factory, one, attempt !== undefined)));
  });
  serve(app, 'showCost', async (request) => {
    const run = await known(request.params.id);
    return costView(factory, runOf(run), await view(run));
  });

  serve(app, 'explainRun', async (request) => {
    const found = await known(request.params.id);
    const { info, fold } = found;
    const [run, recorded] = await Promise.all([view(found), factory.trail.read(streamOf.run(info.id))]);
    // A canary's verdicts are on its target's stream.
    const judged = run.release === null ? [] : await factory.trail.read(streamOf.target(run.repo));
    const mine = judged.filter(
      ({ entry }) =>
        (entry?.type === 'target.judged' ||
          entry?.type === 'canary.shifted' ||
          entry?.type === 'canary.asked' ||
          entry?.type === 'canary.ended') &&
        entry.data.release === run.release,
    );
    const because = [...recorded.filter(({ entry }) => entry !== null && DECISIVE.has(entry.type)), ...mine]
      .sort((a, b) => a.envelope.position - b.envelope.position)
      .map(({ envelope, entry }) => ({ at: envelope.at, position: envelope.position, text: sentence(entry) }))
      .reverse();
    const state = runOf(found);
    const said = await whatItSaid(factory, state);
    const unknown = run.unknown.map(({ effect, position, at }) => ({
      at,
      position,
      text: `${effect}: attempted, outcome unknown: whoever attempted it died; the factory looks and records what it finds`,
    }));
    const awaitingCheckpoint = run.endedAt === null ? factory.awaitingCheckpoint.get(info.id) : undefined;
    const turn = run.endedAt === null ? waitsForTurn(factory, info.id) : null;
    const text = run.endedAt === null ? (waitOf(info.id) ?? turn?.text) : undefined;
    const halt =
      run.stop === null ? [] : [{ at: run.stop.at, position: factory.views.position, text: run.stop.reason }];
    const waits =
      text === undefined ? [] : [{ at: factory.clock.now(), position: factory.views.position, text }];
    const stuck = stuckOn(factory, run);
    const runner = turn === null ? await waitsForRunner(factory, run, state) : null;
    const taken =
      runner === null
        ? []
        : [{ at: factory.clock.now(), position: factory.views.position, text: runner.text }];
    const budget = pausedFor(fold, state);
    const short =
      budget === null || run.reason === null || run.stop !== null || state.parked !== null
        ? []
        : [{ at: factory.clock.now(), position: factory.views.position, text: run.reason }];
    const next: Next =
      (run.stop === null ? null : { acts: [run.stop.next] }) ??
      stuck ??
      turn?.next ??
      runner?.next ??
      resumeStep(state, factory.clock.now()) ??
      (awaitingCheckpoint === undefined ? nextStep(state, run, budget?.scope ?? null) : UNSEALED);
    const { who } = nextActor(state, factory.clock.now());
    const kept = keptRef(state);
    return {
      run: info.id,
      state: run.state,
      because: [...halt, ...short, ...waits, ...taken, ...unknown, ...because],
      said,
      who:
        run.stop !== null || stuck !== null || budget !== null || runner !== null
          ? 'admin'
          : who === 'nobody'
            ? null
            : who,
      next:
        kept === null
          ? next
          : {
              ...next,
              hint: [next.hint, `its change is kept as ${kept} in the factory's copy of ${run.repo}`]
                .filter((part) => part !== undefined)
                .join('; '),
            },
    };
  });

  const where = async ({ params }: { params: { id: RunId } }): Promise<RoleScope> => ({
    kind: 'repo',
    repo: (await stateOf(params.id)).repo,
  });

  /** The run has the word first: whoever told agents what to do allows nothing of what they made, whatever came of it. */
  serveThere(app, api, 'steerRun', where, async ({ params, body, who }) => {
    const { info, fold } = await known(params.id);
    const atWork = (fold.run(info.id)?.stages ?? []).filter(
      ({ outcome, role, task }) =>
        outcome === null && STEERED.has(role) && (body.task === undefined || task === body.task),
    );
    const text = (await factory.knownSecrets.now()).mask(body.text);
    const told: { attempt: string; role: Role; task: string | null }[] = [];
    for (const { attempt, role, task } of atWork) {
      const said = await act(factory, info.id, who.actor, () => ({
        type: 'run.steered',
        data: { attempt, text },
      }));
      if (said.kind === 'rejected') continue;
      const heard = await factory.streams.append(attemptStream(attempt), who.actor, () => ({
        type: 'attempt.steered',
        data: { text },
      }));
      if (heard.kind === 'appended') told.push({ attempt, role, task });
    }
    if (told.length === 0)
      throw new HttpProblem('not-steered', 'no agent of this run is at work now', {
        kept: 'nothing was said to anybody',
        acts: [{ act: 'explain-run', id: info.id, to: 'what it waits for' }],
      });
    await factory.streams.shown(await factory.trail.head());
    return { told };
  });

  serveThere(app, api, 'cancelRun', where, async (request) => {
    const { info, fold } = await known(request.params.id);
    const run = fold.run(info.id);
    const stopped = await act(factory, info.id, request.who.actor, () => ({
      type: 'run.stop-asked',
      data: { end: 'cancelled', reason: request.body.reason },
    }));
    if (stopped.kind === 'rejected')
      throw problem('not-cancelled', `the run was not cancelled: ${stopped.reason}`, {
        act: 'explain-run',
        id: info.id,
      });
    // A canary of it loses its traffic now; what its run does about it is on the trail.
    const canary = run === undefined ? null : factory.deployments.canary(run.repo);
    if (canary !== null && run && canary.release === run.release?.release) {
      canary.takeBack(`${request.who.actor} cancelled the run: ${request.body.reason}`);
      await untilQuiet(factory, () => factory.deployments.canary(run.repo) !== canary);
    }
    driver.drive(info.id);
    await factory.readModel.reached(await factory.trail.head());
    return viewOf(info.id);
  });

  serveThere(app, api, 'retryRun', where, async (request) => {
    const { info } = await known(request.params.id);
    const resumed = await resumeRun(factory, info.id, request.who.actor, request.body.reason);
    if (resumed.kind === 'rejected')
      throw problem('not-retried', `the run does not go on: ${resumed.reason}`, {
        act: 'explain-run',
        id: info.id,
      });
    driver.drive(info.id);
    wakeIntake();
    await factory.readModel.reached(await factory.trail.head());
    return viewOf(info.id);
  });

  serveThere(app, api, 'followUpRun', where, async (request, reply) => {
    const seen = await viewOf(request.params.id);
    const { nth, kind } = request.body;
    const all = followUpsOf(seen);
    const one = all[nth - 1];
    if (one === undefined)
      throw notFound(
        'follow-up',
        String(nth),
        all.length === 0
          ? `${seen.id} left nothing open, and its agents noticed nothing beside their tasks`
          : `${seen.id} has ${all.length}, numbered from 1`,
      );
    const { repo } = knownRepo(factory, seen.repo);
    await mayBeFiled(factory, repo);
    const ticket = Ticket.parse({
      title: plainLine(one.text).slice(0, 300),
      kind,
      body: `${one.text}\n\nThe ${one.by} of ${seen.id} came across this, which was about something else: ${seen.title}`,
    });
    const key = `follow-up/${seen.id}/${createHash('sha256').update(one.text).digest('hex')}`;
    const filed = await fileTicket(factory, request.who.actor, repo, ticket, key, undefined, seen.id);
    await factory.streams.shown(filed.position);
    wakeIntake();
    const fold = await factory.views.with({ tickets: [filed.id] });
    const info = fold.tickets.get(filed.id);
    if (!info) throw notFound('ticket', filed.id, { act: 'list-tickets' });
    return reply.status(filed.again ? 200 : 201).send(await ticketView(factory, { info, fold }));
  });

  serve(app, 'watchRun', async (request, reply) => {
    const { info } = await known(request.params.id);
    reply.hijack();
    stream(factory, info.id, () => viewOf(info.id), reply.raw);
    return reply;
  });
}

/** What the agents that are at work do at this moment, as their runners say. Without it the view is whole all the same. */
async function addDoing(factory: Ports, run: Pick<RunView, 'stages'>): Promise<void> {
  const said = new Map(
    (
      await factory.store.notes.list('doing/').catch((error: unknown) => {
        factory.log.warn({ err: error }, 'what the agents do cannot be read');
        return [];
      })
    ).map(({ key, text }) => [key, text]),
  );
  for (const stage of run.stages)
    if (stage.asks !== null) stage.doing = said.get(`doing/${stage.attemptId}`) ?? null;
}

/** Between two looks at what an agent does while no entry comes. */
const LOOK_MS = 1_000;

/** The end of what a failed release said, else what the tests say that sent it back. */
async function whatItSaid({ store }: Ports, run: Run): Promise<string[]> {
  const closing = (run.closed?.reason ?? '').split('\n').slice(1).slice(-SAID_LINES);
  const last = run.tests.at(-1);
  if (closing.length > 0 || last === undefined || !sendsBack(last.verdict)) return closing;
  return failureLines(await getJson(store.artifacts, TestReport, last.report), SAID_LINES);
}

/** Server-sent events: the whole view whenever it changed, at most every 100 ms. Ends after the run's end, or when the reader is too slow. */
function stream(
  factory: Ports,
  id: RunId,
  view: () => Promise<RunView>,
  out: import('node:http').ServerResponse,
): void {
  out.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    connection: 'keep-alive',
  });
  let last = '';
  let timer: NodeJS.Timeout | null = null;
  const end = (): void => {
    stopListening();
    clearInterval(beat);
    clearInterval(look);
    if (timer) clearTimeout(timer);
    out.end();
  };
  const send = async (): Promise<void> => {
    timer = null;
    const run = await view();
    const text = JSON.stringify(await shown(factory, ROUTES.watchRun, run));
    if (
      text !== last &&
      !out.write(`id: ${factory.views.position}\nevent: run\ndata: ${text}\n\n`) &&
      out.writableLength > 4 * 1024 * 1024
    )
      return end();
    last = text;
    if (run.endedAt !== null) end();
  };
  const soon = (): void => {
    timer ??= setTimeout(() => {
      send().catch((error: unknown) => {
        factory.log.warn({ err: error, run: id }, 'an event stream failed');
        end();
      });
    }, 100);
  };
  const concerns = ({ envelope, entry }: RecordedEntry, about: Fold): boolean =>
    envelope.stream === `run/${id}` ||
    stops(entry) ||
    lifts(entry) ||
    (envelope.stream.startsWith('target/') &&
      'release' in entry.data &&
      entry.data.release !== null &&
      about.releases.get(entry.data.release)?.run === id) ||
    about.attempts.get(envelope.stream.split('/')[1] as never)?.run === id;
  const stopListening = factory.views.listen((recorded, about) => {
    if (concerns(recorded, about)) soon();
  });
  const beat = setInterval(() => out.write(': beat\n\n'), 15_000).unref();
  const look = setInterval(soon, LOOK_MS).unref();
  out.on('close', end);
  soon();
}

const DECISIVE = new Set([
  'gate.decided',
  'gate.approved',
  'gate.denied',
  'gate.expired',
  'stage.closed',
  'task.reviewed',
  'review.skipped',
  'task.conflicted',
  'change.tested',
  'base.moved',
  'merge.finished',
  'merge.refused',
  'release.built',
  'release.rehearsed',
  'deploy.finished',
  'revert.finished',
  'run.stop-asked',
  'run.parked',
  'run.reminded',
  'run.resumed',
  'merge.lost',
  'run.closed',
  'question.asked',
  'task.blocked',
  'task.stuck',
  'task.unfinished',
  'plan.revised',
  'checks.disputed',
]);

/** Going back from this run's release failed, and the target waits for a person: what that person does, a line a step. */
function stuckOn(factory: Ports, { release, repo }: RunView): Next | null {
  const { frozen } = factory.views.open.target(repo);
  return frozen?.by === 'factory' && frozen.release === release
    ? { hint: frozen.what, acts: unstick(repo) }
    : null;
}

/** A run that waits for a person for as long as it takes, or that ended without being done: what lets it go on. */
function resumeStep(state: Run, now: number): Next | null {
  const next = nextActor(state, now);
  if (next.who === 'approver' && next.act === 'retry')
    return {
      acts: [
        { act: 'show-gate', id: next.gate },
        { act: 'approve-gate', id: next.gate },
        { act: 'cancel-run', id: state.id, to: 'or to end it' },
      ],
    };
  if (next.who === 'admin')
    return {
      hint: 'it goes on by itself once there is enough',
      acts: [{ act: 'show-budgets' }, { act: 'set-budget' }],
    };
  if (next.who !== 'author' || next.act !== 'retry') return null;
  return {
    acts: [
      { act: 'retry-run', id: state.id, to: 'from where it was, paying for nothing twice' },
      anotherRun(state.ticket),
    ],
  };
}

const anotherRun = (ticket: string): Act => ({
  ...{ act: 'answer-ticket', id: ticket, again: true },
  to: 'to start another run with what you say',
});

/** `budget`: the scope whose budget an attempt waits for. */
function nextStep(state: Run, run: RunView, budget: string | null): Next {
  const gate = run.gates.find((one) => one.state === 'waiting');
  const watch: Act = { act: 'watch-run', id: run.id };
  if (run.state === 'waiting' && gate)
    return {
      acts: [
        { act: 'show-gate', id: gate.id },
        { act: 'approve-gate', id: gate.id },
      ],
    };
  if (run.state === 'waiting' && run.reason?.startsWith('the canary pauses'))
    return { hint: 'send it what it needs, or wait: it never promotes by itself', acts: [watch] };
  if (run.state === 'waiting' && budget !== null) return { acts: [{ act: 'set-budget', budget }] };
  if (run.state === 'waiting' && questionOf(state) !== null)
    return { acts: [{ act: 'answer-ticket', id: run.ticket, again: false }] };
  if (run.state === 'running' || run.state === 'waiting') return { acts: [watch] };
  if (run.state === 'done') return { hint: 'nothing: it is done', acts: [] };
  return run.state === 'rolled_back'
    ? {
        hint: 'it is open again, with the evidence',
        acts: [{ act: 'show-ticket', id: run.ticket }, anotherRun(run.ticket)],
      }
    : { acts: [anotherRun(run.ticket)] };
}
