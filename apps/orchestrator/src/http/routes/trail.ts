import { TrailLine } from '@millwright/api';
import type { OpenTrail } from '@millwright/audit';
import { Entry, type RepoName, RunId } from '@millwright/domain';
import type { ReadModel, TrailFilter, TrailPage } from '@millwright/read-model';
import type { Secrets, Store } from '@millwright/store';
import { z } from 'zod';
import type { KnownSecrets } from '../../known-secrets.ts';
import type { Deployments } from '../../releases/deployments.ts';
import type { Settings } from '../../settings.ts';
import type { Repositories } from '../../source-control/repositories.ts';
import type { Streams } from '../../streams/streams.ts';
import type { World } from '../../views/world.ts';
import type { Api, App } from '../api.ts';
import { namesOf } from '../names.ts';
import { unknownFilter } from '../problem.ts';
import { trailLine } from '../views/trail-line.ts';
import { ofRepo } from './repos.ts';

type Ports = {
  deployments: Deployments;
  knownSecrets: KnownSecrets;
  modelKey: boolean | null;
  readModel: ReadModel;
  repositories: Repositories;
  secrets: Secrets;
  settings: Settings;
  store: Store;
  streams: Streams;
  trail: OpenTrail;
  world: World;
};

const Position = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
/** `a,b` and `a&b` are the same list. */
const List = z
  .union([z.string(), z.array(z.string())])
  .transform((given) => [given].flat().flatMap((one) => one.split(',').filter((part) => part !== '')))
  .optional();

const Query = z.object({
  run: RunId.optional(),
  repo: z.string().max(100).optional(),
  /** Ids, people's names, `factory`, or `agent`, `runner` and `person` for all of them. */
  actor: List,
  /** `gate.decided`; `gate` or `gate.*` for all that begin so. */
  type: List,
  from: Position.optional(),
  to: Position.optional(),
  since: Position.default(0),
  before: Position.optional(),
  order: z.enum(['oldest', 'newest']).default('oldest'),
  limit: z.coerce.number().int().min(1).max(1_000).default(200),
});

/** The people whom a list of actors names: by name, or all of them. */
function actorsOf(asked: readonly string[], names: Map<string, string>): string[] {
  return asked.flatMap((one) => {
    if (one === 'person') return [...names.keys()];
    if (one === 'factory') return ['orchestrator', 'migrator'];
    if (one === 'agent' || one === 'runner') return [`${one}/`];
    return [one, ...[...names].flatMap(([id, name]) => (name === one ? [id] : []))];
  });
}

const typesOf = (asked: readonly string[]): string[] =>
  asked.map((one) => one.replace(/\*$/, '')).map((one) => (one.includes('.') ? one : `${one}.`));

function pageOf(query: z.output<typeof Query>, names: Map<string, string>): [TrailFilter, TrailPage] {
  const { run, repo, actor, type, from, to } = query;
  const filter: TrailFilter = {
    ...(run === undefined ? {} : { run }),
    ...(repo === undefined ? {} : { repo: repo as RepoName }),
    ...(actor === undefined ? {} : { actors: actorsOf(actor, names) }),
    ...(type === undefined ? {} : { types: typesOf(type) }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
  const page: TrailPage = {
    after: query.since,
    ...(query.before === undefined ? {} : { before: query.before }),
    limit: query.limit,
    newest: query.order === 'newest',
  };
  return [filter, page];
}

const TYPES: readonly string[] = Entry.options.map((option) => option.shape.type.value);
/** Actors who are no people. */
const KINDS =
  /^(person|factory|orchestrator|migrator|agent|runner|agent\/(plan|implement|review|test|deploy)|runner\/.+)$/;

/** Throws 404 where a filter names what is not there: an empty answer would read as "nothing happened". */
async function mustBeKnown(factory: Ports, { run, repo, actor, type }: z.output<typeof Query>) {
  ofRepo(factory, repo);
  if (run !== undefined && !factory.world.runs.has(run))
    throw unknownFilter('run', run, { act: 'list-runs' });
  const names = await namesOf(factory);
  const who = new Set([...names.keys(), ...names.values()]);
  for (const one of actor ?? [])
    if (!KINDS.test(one) && !who.has(one) && !(await factory.readModel.hasActor(one)))
      throw unknownFilter('actor', one, {
        act: 'list-people',
        to: 'a person by name or id, factory, agent, agent/review or runner',
      });
  for (const [nth, begins] of typesOf(type ?? []).entries())
    if (!TYPES.some((known) => known === begins || (begins.endsWith('.') && known.startsWith(begins))))
      throw unknownFilter(
        'type of entry',
        (type ?? [])[nth] ?? '',
        `there are: ${[...new Set(TYPES.map((known) => known.split('.')[0]))].join(', ')}, each with what follows its dot`,
      );
}

async function page(factory: Ports, query: z.output<typeof Query>): Promise<TrailLine[]> {
  const names = await namesOf(factory);
  const lines = await factory.readModel.trailPage(...pageOf(query, names));
  const recorded = await factory.trail.readAt(lines.map(({ position }) => position));
  const { world } = factory;
  // A page that is cut for its size is cut at its end.
  return recorded.map((one, nth) =>
    trailLine({ world, names }, one, lines[nth] ?? { run: null, repo: null }),
  );
}

export function trailRoutes(app: App, { factory }: Api): void {
  app.get(
    '/trail',
    {
      schema: {
        description:
          'A page of the trail as an account. The next one: `since` the last position (`before` it, with `order=newest`). A page may be shorter than `limit` where payloads are large; the end is an empty one.',
        querystring: Query,
        response: { 200: z.array(TrailLine) },
      },
    },
    async (request) => {
      await mustBeKnown(factory, request.query);
      // What was appended before the question is in the answer.
      const head = await factory.trail.head();
      await Promise.all([factory.world.reached(head), factory.readModel.reached(head)]);
      return page(factory, request.query);
    },
  );
}
