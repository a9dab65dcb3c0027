import type { DigestLine, DigestView } from '@millwright/api';
import type { OpenTrail } from '@millwright/audit';
import {
  type Clock,
  type Fold,
  getJson,
  nextActor,
  type RepoName,
  type RunId,
  Ticket,
} from '@millwright/domain';
import type { ReadModel } from '@millwright/read-model';
import type { Store } from '@millwright/store';
import type { FastifyInstance } from 'fastify';
import { waitingForPeople } from '../../intake/next-actor.ts';
import type { Views } from '../../views/views.ts';
import { type Api, serve } from '../api.ts';
import { entriesAt } from '../entries-at.ts';
import { namesOf } from '../names.ts';
import { DIGESTED, digestOf, type Seen } from '../views/digest.ts';
import { trailLine } from '../views/trail-line.ts';
import { knownRepo } from './repos.ts';
import { namedIn } from './trail.ts';

type Ports = { clock: Clock; readModel: ReadModel; store: Store; trail: OpenTrail; views: Views };

const NIGHT_MS = 12 * 3_600_000;

/** The titles of runs' tickets, each read once. */
function titles({ store }: Ports, fold: Fold) {
  const known = new Map<RunId, Promise<string>>();
  return async (id: RunId | null): Promise<string | null> => {
    const run = id === null ? undefined : fold.run(id);
    if (id === null || run === undefined) return null;
    const title =
      known.get(id) ?? getJson(store.artifacts, Ticket, run.ticketDigest).then((one) => one.title);
    known.set(id, title);
    return title;
  };
}

/** What is open now: what waits for a person, and what goes on without one. */
async function standing(
  factory: Ports,
  repo: RepoName | undefined,
): Promise<Pick<DigestView, 'needsYou' | 'running'>> {
  const { open } = factory.views;
  const now = factory.clock.now();
  const titleOf = titles(factory, open);
  const line = async (id: RunId, text: string): Promise<DigestLine | null> => {
    const [info, run] = [open.runs.get(id), open.run(id)];
    if (info === undefined || run === undefined || (repo !== undefined && run.repo !== repo)) return null;
    const at = info.closedAt ?? info.openedAt;
    return { position: info.position, at, repo: run.repo, run: id, title: await titleOf(id), text };
  };
  const needsYou: DigestView['needsYou'] = [];
  const waits = new Set<RunId>();
  for (const { ticket, who, text, acts } of waitingForPeople(open, now)) {
    const run = open.tickets.get(ticket as never)?.runs.at(-1);
    if (run === undefined) continue;
    waits.add(run);
    const told = await line(run, text);
    if (told !== null) needsYou.push({ ...told, who, acts: [...acts] });
  }
  const running: DigestLine[] = [];
  for (const [id, { closedAt }] of open.runs) {
    const run = open.run(id);
    if (run === undefined || closedAt !== null || waits.has(id)) continue;
    const next = nextActor(run, now);
    const told = await line(id, 'what' in next ? next.what.replaceAll('-', ' ') : 'ends');
    if (told !== null) running.push(told);
  }
  return { needsYou, running };
}

export function digestRoutes(app: FastifyInstance, { factory }: Api): void {
  serve(app, 'showDigest', async ({ query }) => {
    const to = factory.clock.now();
    const from = query.from ?? to - NIGHT_MS;
    const repo = query.repo === undefined ? undefined : knownRepo(factory, query.repo).repo;
    const through = await factory.trail.head();
    await factory.readModel.reached(through);
    const filter = { from, types: DIGESTED, ...(repo === undefined ? {} : { repo }) };
    const entries = await entriesAt(factory, filter, through);
    const fold = await factory.views.with(namedIn(entries.map(({ recorded }) => recorded)));
    const names = await namesOf(factory);
    const titleOf = titles(factory, fold);
    const seen = await Promise.all(
      entries.map(
        async ({ recorded, at }): Promise<Seen> => ({
          ...{ recorded, run: at.run, repo: at.repo, title: await titleOf(at.run) },
          deploys: (at.run !== null && fold.run(at.run)?.deploys) || false,
          text: trailLine({ fold, names }, recorded, at).text,
        }),
      ),
    );
    return { from, to, ...digestOf(seen), ...(await standing(factory, repo)) };
  });
}
