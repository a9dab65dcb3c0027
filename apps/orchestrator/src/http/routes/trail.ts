import type { TrailLine } from '@millwright/api';
import type { OpenTrail } from '@millwright/audit';
import { type AttemptId, Entry, type RecordedEntry, type RepoName, type RunId } from '@millwright/domain';
import type { Named, ReadModel, TrailFilter, TrailPage } from '@millwright/read-model';
import type { Secrets, Store } from '@millwright/store';
import type { FastifyInstance } from 'fastify';
import type { Deployments } from '../../releases/deployments.ts';
import type { Settings } from '../../settings.ts';
import type { Repositories } from '../../source-control/repositories.ts';
import type { KnownSecrets } from '../../streams/known-secrets.ts';
import type { Streams } from '../../streams/streams.ts';
import type { Views } from '../../views/views.ts';
import { type Api, type QueryOf, serve } from '../api.ts';
import { eventStream } from '../event-stream.ts';
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
  views: Views;
};

type Query = QueryOf<'listTrail'>;
type Filter = QueryOf<'watchTrail'>;

/** Lines that a stream reads at once. */
const PART = 200;

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

function pageOf(query: Query, names: Map<string, string>): [TrailFilter, TrailPage] {
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
async function mustBeKnown(factory: Ports, { run, repo, actor, type }: Filter) {
  ofRepo(factory, repo);
  if (run !== undefined && !(await factory.views.with({ runs: [run] })).runs.has(run))
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

async function page(factory: Ports, query: Query): Promise<TrailLine[]> {
  const names = await namesOf(factory);
  const lines = await factory.readModel.trailPage(...pageOf(query, names));
  const recorded = await factory.trail.readAt(lines.map(({ position }) => position));
  const fold = await factory.views.with(namedIn(recorded));
  // A page that is cut for its size is cut at its end.
  return recorded.map((one, nth) => trailLine({ fold, names }, one, lines[nth] ?? { run: null, repo: null }));
}

/** What an account of these entries looks at. */
export function namedIn(recorded: readonly RecordedEntry[]): Named {
  const of = (kind: string) =>
    recorded.flatMap(({ envelope: { stream } }) =>
      stream.startsWith(`${kind}/`) ? [stream.slice(kind.length + 1)] : [],
    );
  const releases = recorded.flatMap(({ entry: { data } }) =>
    'release' in data && data.release !== null ? [data.release] : [],
  );
  return { runs: of('run') as RunId[], attempts: of('attempt') as AttemptId[], releases };
}

export function trailRoutes(app: FastifyInstance, { factory }: Api): void {
  serve(app, 'listTrail', async (request) => {
    await mustBeKnown(factory, request.query);
    // What was appended before the question is in the answer.
    const head = await factory.trail.head();
    await factory.readModel.reached(head);
    return page(factory, request.query);
  });

  serve(app, 'watchTrail', async (request, reply) => {
    const { since, ...asked } = request.query;
    await mustBeKnown(factory, asked);
    const after = request.headers['last-event-id'] ?? since ?? (await factory.trail.head());
    async function* linesAfter(from: number, through: number) {
      await factory.readModel.reached(through);
      const part = { before: through + 1, order: 'oldest', limit: PART } as const;
      for (let at = from; ; ) {
        const lines = await page(factory, { ...asked, ...part, since: at });
        const last = lines.at(-1);
        if (last === undefined) return;
        yield* lines;
        at = last.position;
      }
    }
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    reply.header('cache-control', 'no-store').type('text/event-stream');
    return reply.send(eventStream(factory.trail, after, linesAfter, gone.signal));
  });
}
