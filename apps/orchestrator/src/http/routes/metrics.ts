import type { OpenTrail } from '@millwright/audit';
import {
  type Clock,
  factsOf,
  type Instant,
  type Metrics,
  measure,
  OF_RUNS,
  OF_TARGETS,
  type RecordedEntry,
  type RepoName,
  type RunId,
  streamOf,
  type TicketId,
} from '@millwright/domain';
import type { ReadModel } from '@millwright/read-model';
import type { FastifyInstance } from 'fastify';
import type { Views } from '../../views/views.ts';
import { type Api, type QueryOf, serve } from '../api.ts';
import { entriesAt } from '../entries-at.ts';
import { OPEN_METRICS, openMetrics } from '../views/openmetrics.ts';
import { knownRepo } from './repos.ts';

type Ports = { clock: Clock; readModel: ReadModel; trail: OpenTrail; views: Views };
type Read = Pick<Ports, 'readModel' | 'trail'>;

const MONTH_MS = 30 * 86_400_000;
/** Whoever scrapes is given what was read within this time. Milliseconds. */
const FRESH_MS = 60_000;
/** Runs read beside each other. */
const BESIDE = 8;
/** What says that a run is measured. */
const MEASURED = ['run.closed', 'merge.finished', 'deploy.finished'];

/** Entries of every run that ended, merged or was deployed since, with their tickets, and of what serves. */
export async function entriesSince(
  factory: Read,
  from: Instant,
  repo: RepoName | undefined,
): Promise<RecordedEntry[]> {
  const through = await factory.trail.head();
  await factory.readModel.reached(through);
  const ours = repo === undefined ? {} : { repo };
  const read = async (filter: Parameters<typeof entriesAt>[1]) => entriesAt(factory, filter, through);
  const ends = await read({ ...ours, from, types: MEASURED });
  const runs = [...new Set(ends.flatMap(({ at }) => at.run ?? []))];
  const found = [
    ...(await read({ ...ours, from, types: OF_TARGETS })),
    ...(await read({ ...ours, from, types: ['ticket.incident-raised'] })),
  ].map(({ recorded }) => recorded);
  for (let at = 0; at < runs.length; at += BESIDE)
    for (const entries of await Promise.all(
      runs.slice(at, at + BESIDE).map((run: RunId) => read({ run, types: OF_RUNS })),
    ))
      found.push(...entries.map(({ recorded }) => recorded));
  const tickets = new Set(
    found.flatMap(({ entry }): TicketId[] => (entry.type === 'run.opened' ? [entry.data.ticket] : [])),
  );
  for (const ticket of tickets) found.push(...(await factory.trail.read(streamOf.ticket(ticket))));
  const once = new Map(found.map((one) => [one.envelope.position, one]));
  return [...once.values()].sort((a, b) => a.envelope.position - b.envelope.position);
}

export function metricRoutes(app: FastifyInstance, { factory }: Api): void {
  const measured = async ({ from, repo }: QueryOf<'showMetrics'>): Promise<Metrics> => {
    const to = factory.clock.now();
    const period = { from: from ?? to - MONTH_MS, to };
    const one = repo === undefined ? undefined : knownRepo(factory, repo).repo;
    return measure(factsOf(await entriesSince(factory, period.from, one)), period);
  };
  let last: { at: Instant; text: Promise<string> } | null = null;
  /** One reading at a time, whoever asks. */
  const scraped = async (): Promise<string> => {
    const now = factory.clock.now();
    if (last === null || now - last.at > FRESH_MS) {
      const made = { at: now, text: measured({}).then(openMetrics) };
      last = made;
      made.text.catch(() => {
        if (last === made) last = null;
      });
    }
    return last.text;
  };

  serve(app, 'showMetrics', async (request, reply) => {
    const { query, headers } = request;
    if (!headers.accept?.includes('openmetrics-text')) return measured(query);
    const whole = query.from === undefined && query.repo === undefined;
    return reply.type(OPEN_METRICS).send(whole ? await scraped() : openMetrics(await measured(query)));
  });
  // Where a Prometheus looks unless it is told; with a token, as any other route.
  app.get('/metrics', async (_, reply) => reply.type(OPEN_METRICS).send(await scraped()));
}
