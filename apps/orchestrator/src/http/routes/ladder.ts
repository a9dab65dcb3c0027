import type { CriterionView, LadderView } from '@millwright/api';
import type { OpenTrail } from '@millwright/audit';
import {
  type Clock,
  CRITERIA,
  DEFAULT_UNIT,
  factoryStream,
  type JudgedCriterion,
  judgeStep,
  LADDER,
  type LadderPlace,
  ladderHistory,
  nearestName,
  OF_TARGETS,
  type RecordedEntry,
  type RepoName,
  streamOf,
  type TicketId,
} from '@millwright/domain';
import type { ReadModel } from '@millwright/read-model';
import type { Store } from '@millwright/store';
import type { FastifyInstance } from 'fastify';
import type { Streams } from '../../streams/streams.ts';
import { unitsWithRepos } from '../../streams/units.ts';
import type { Views } from '../../views/views.ts';
import { type Api, type BodyOf, serve, serveThere } from '../api.ts';
import { appendAs } from '../append-as.ts';
import { entriesAt } from '../entries-at.ts';
import { namesOf } from '../names.ts';
import { problem } from '../problem.ts';
import { entriesSince } from './metrics.ts';
import { knownRepo } from './repos.ts';
import { knownUnit } from './units.ts';

type Ports = {
  clock: Clock;
  readModel: ReadModel;
  store: Pick<Store, 'people'>;
  streams: Streams;
  trail: OpenTrail;
  views: Views;
};

const DAY_MS = 86_400_000;
/** Runs are measured over this time, what serves over the longer one. Milliseconds. */
const RUNS_MS = 90 * DAY_MS;
const TARGETS_MS = 180 * DAY_MS;
/** An attestation is said again at least so often. Milliseconds. */
const LONGEST_MS = 366 * DAY_MS;

export function ladderRoutes(app: FastifyInstance, api: Api): void {
  const { factory } = api;

  serve(app, 'showLadder', async ({ query }): Promise<LadderView> => {
    const one = query.repo === undefined ? null : knownRepo(factory, query.repo).repo;
    const units = await unitsWithRepos(factory);
    const places = [...units].flatMap(([unit, repos]): LadderPlace[] =>
      one !== null && !repos.includes(one)
        ? []
        : [
            { unit, repos, repo: null },
            ...repos
              .filter((repo) => one === null || repo === one)
              .map((repo) => ({ unit, repos: [repo], repo })),
          ],
    );
    const now = factory.clock.now();
    const history = ladderHistory(await historyOf(factory, [...units.values()].flat(), now));
    const names = await namesOf(factory);
    const stepOf = new Map<RepoName, number>();
    for (const repo of [...units.values()].flat())
      stepOf.set(repo, (await factory.streams.repository(repo).look()).autonomy.step);
    const viewed: LadderView['places'] = places.map((place) => {
      const steps = place.repos.map((repo) => stepOf.get(repo) ?? 0);
      const step = steps.length === 0 ? null : Math.min(...steps);
      return {
        unit: place.unit,
        repo: place.repo,
        step,
        next: step === null || step >= LADDER.length - 1 ? null : step + 1,
        criteria:
          step === null ? [] : judgeStep(step, history, place, now).map((judged) => viewOf(judged, names)),
      };
    });
    const steps = LADDER.map(({ criteria, ...more }) => ({
      ...more,
      criteria: criteria.map(({ id, says, measured }) => ({ id, says, measured })),
    }));
    return { at: now, steps, places: viewed };
  });

  const knownScope = async ({ body: { scope } }: { body: BodyOf<'attest'> }) => {
    if (scope.kind === 'repo') knownRepo(factory, scope.repo);
    if (scope.kind === 'unit') await knownUnit(factory, scope.unit);
    return scope;
  };
  serveThere(app, api, 'attest', knownScope, async (request, reply) => {
    const { body, who } = request;
    const { scope, criterion, until } = body;
    mustBeAttested(criterion);
    const now = factory.clock.now();
    if (until <= now || until > now + LONGEST_MS)
      throw problem(
        'bad-attestation',
        until <= now ? 'it would have expired already' : 'it would count for more than a year',
        'say until when it counts: within a year from now',
      );
    await appendAs(factory, factoryStream(), who, { type: 'ladder.attested', data: body });
    // Read back as it is judged from now on: one for a unit may stand below one for the factory that says otherwise.
    const recorded = await factory.trail.read(streamOf.factory());
    const place: LadderPlace = {
      unit: await unitOf(scope),
      repos: [],
      repo: scope.kind === 'repo' ? scope.repo : null,
    };
    const step = LADDER.findIndex(({ criteria }) => criteria.some(({ id }) => id === criterion));
    const judged = judgeStep(step, ladderHistory(recorded), place, now).find(({ id }) => id === criterion);
    if (judged === undefined) throw new Error(`${criterion} is of no step`);
    return reply.status(201).send(viewOf(judged, await namesOf(factory)));
  });

  const unitOf = async (scope: BodyOf<'attest'>['scope']) => {
    if (scope.kind === 'unit') return scope.unit;
    return scope.kind === 'repo' ? (await factory.streams.repository(scope.repo).look()).unit : DEFAULT_UNIT;
  };
}

/** Throws for what is no criterion, and for one that the trail measures: nobody's word changes that. */
function mustBeAttested(id: string): void {
  const known = [...CRITERIA.values()].filter(({ measured }) => !measured).map((one) => one.id);
  const criterion = CRITERIA.get(id);
  if (criterion === undefined) {
    const near = nearestName(id, known);
    throw problem(
      'bad-attestation',
      `there is no criterion ${id}${near === null ? '' : `; did you mean ${near}?`}`,
      `a person attests: ${known.join(', ')}`,
    );
  }
  if (criterion.measured)
    throw problem(
      'bad-attestation',
      `${id} is measured from the trail, and not attested: ${criterion.how}`,
      `a person attests: ${known.join(', ')}`,
    );
}

const viewOf = (judged: JudgedCriterion, names: ReadonlyMap<string, string>): CriterionView => ({
  ...judged,
  attested: judged.attested && {
    ...judged.attested,
    by: names.get(judged.attested.by) ?? judged.attested.by,
  },
});

/** What the ladder is judged by: all that was said of the repositories and attested, and what ran and serves, as far back as it is measured. */
async function historyOf(factory: Ports, repos: readonly RepoName[], now: number): Promise<RecordedEntry[]> {
  const found = await entriesSince(factory, now - RUNS_MS, undefined);
  const through = await factory.trail.head();
  await factory.readModel.reached(through);
  const long = { from: Math.max(0, now - TARGETS_MS), types: [...OF_TARGETS, 'ticket.incident-raised'] };
  found.push(...(await entriesAt(factory, long, through)).map(({ recorded }) => recorded));
  const tickets = new Set(
    found.flatMap(({ entry }): TicketId[] =>
      entry.type === 'ticket.incident-raised' ? [entry.data.ticket] : [],
    ),
  );
  for (const ticket of tickets) found.push(...(await factory.trail.read(streamOf.ticket(ticket))));
  for (const repo of repos) found.push(...(await factory.trail.read(streamOf.repo(repo))));
  found.push(...(await factory.trail.read(streamOf.factory())));
  return [...new Map(found.map((one) => [one.envelope.position, one])).values()];
}
