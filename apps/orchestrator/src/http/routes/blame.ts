import type { BlameView } from '@millwright/api';
import { getJson, type RepoName, type RunId, Ticket } from '@millwright/domain';
import type { FastifyInstance } from 'fastify';
import { blame } from '../../source-control/blame.ts';
import { type Api, serve } from '../api.ts';
import { namesOf } from '../names.ts';
import { HttpProblem } from '../problem.ts';
import { knownRepo } from './repos.ts';

/** From a line back to who asked for it. A commit is a run's where the trail says so; what its message claims counts for nothing. */
export function blameRoutes(app: FastifyInstance, { factory }: Api): void {
  serve(app, 'blameLine', async ({ params, query }): Promise<BlameView> => {
    const { repo } = knownRepo(factory, params.repo);
    const { file, line } = query;
    const repository = await factory.repositories.open(repo);
    const head = await repository.fetch();
    if ('kind' in head) throw new HttpProblem(`repo-${head.code}`, head.reason);
    const blamed = await blame(repository, head.commit, file, line);
    if (blamed.kind === 'none')
      throw new HttpProblem('not-found', `${file}:${line} on ${repository.branch}: ${blamed.reason}`);
    const { kind: _, ...found } = blamed;
    const run = (await factory.register.look())
      .runs(repo)
      .find(({ merge }) => merge?.kind === 'finished' && merge.commit === blamed.commit);
    return { repo, file, line, ...found, run: run ? await madeBy(repo, run.id) : null };
  });

  async function madeBy(repo: RepoName, id: RunId): Promise<BlameView['run']> {
    const fold = await factory.views.with({ runs: [id] });
    const info = fold.runs.get(id);
    const run = fold.run(id);
    if (info === undefined || run === undefined) throw new Error(`${id} of ${repo} is in no row`);
    const [names, ticket] = await Promise.all([
      namesOf(factory),
      getJson(factory.store.artifacts, Ticket, run.ticketDigest),
    ]);
    return {
      ...{ id, ticket: run.ticket, title: ticket.title, filedBy: names.get(run.author) ?? run.author },
      gates: run.gates
        .filter(({ ended }) => ended === null)
        .map(({ gate, action, decision, reason, approvals }) => ({
          ...{ id: gate, action, decision, reason: reason || (info.policies[gate]?.reason ?? '') },
          approvals: approvals.map((person) => names.get(person) ?? person),
        })),
      release:
        run.release === null
          ? null
          : {
              id: run.release.release,
              result: run.deploy?.kind === 'finished' ? run.deploy.result : null,
            },
    };
  }
}
