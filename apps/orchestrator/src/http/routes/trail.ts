import { type RepoName, RunId, TrailLine } from '@millwright/domain';
import { z } from 'zod';
import type { Factory } from '../../factory.ts';
import type { TrailFilter, TrailPage } from '../../views/trail-index.ts';
import { trailLine } from '../../views/trail-line.ts';
import type { Api, App } from '../api.ts';
import { namesOf } from '../names.ts';
import { knownRepo } from './repos.ts';

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
  const before = query.before ?? Number.POSITIVE_INFINITY;
  return [filter, { after: query.since, before, limit: query.limit, newest: query.order === 'newest' }];
}

async function page(factory: Factory, query: z.output<typeof Query>): Promise<TrailLine[]> {
  const names = await namesOf(factory);
  const recorded = await factory.trail.readAt(factory.world.index.page(...pageOf(query, names)));
  return recorded.map((one) => trailLine({ world: factory.world, names }, one));
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
      if (request.query.repo !== undefined) knownRepo(factory, request.query.repo);
      // What was appended before the question is in the answer.
      await factory.world.reached(await factory.trail.head());
      return page(factory, request.query);
    },
  );
}
