import {
  NewRollback,
  NewUndo,
  Reason,
  type ReleaseId,
  RepoName,
  RollbackStatus,
  RollbackView,
  streamOf,
  UndoView,
} from '@millwright/domain';
import { z } from 'zod';
import { cannotGoTo, describe, planRollback, rollBack } from '../../releases/manual-rollback.ts';
import { requestRedeploy } from '../../releases/redeploy.ts';
import { rollbackStatus } from '../../releases/rollback-status.ts';
import { appendAs } from '../../streams/append-as.ts';
import type { Api, App } from '../api.ts';
import { requireRole } from '../authenticate.ts';
import { conflict, HttpProblem, notFound } from '../problem.ts';
import { OfRepo } from './repos.ts';

const Params = z.object({ repo: RepoName });

/** Going back, forward again, and holding a target still. */
export function rollbackRoutes(app: App, { factory }: Api): void {
  const known = (name: string): RepoName => {
    const repo = [...factory.world.repos.keys()].find((one) => one === name);
    if (repo === undefined) throw notFound('repository', name, './millwright repo list');
    return repo;
  };
  const deployed = (): RepoName[] =>
    [...factory.world.targets].filter(([, target]) => target.live !== null).map(([name]) => name);
  const named = (name: string | undefined): RepoName => {
    if (name !== undefined) return known(name);
    const [only, ...others] = deployed();
    if (only === undefined)
      throw conflict('nothing-deployed', 'nothing is deployed', './millwright release list');
    if (others.length > 0)
      throw conflict('which-repository', `say which: --repo ${[only, ...others].join(' or --repo ')}`);
    return only;
  };

  app.get(
    '/rollbacks',
    { schema: { querystring: OfRepo, response: { 200: z.array(RollbackStatus) } } },
    (request) => {
      const { repo } = request.query;
      const which = repo === undefined ? [...factory.world.repos.keys()] : [known(repo)];
      return Promise.all(which.map((name) => rollbackStatus(factory, name)));
    },
  );

  app.post(
    '/rollbacks',
    { schema: { body: NewRollback, response: { 200: RollbackView } } },
    async (request) => {
      // Going back is never harder than going forward: whoever may file or approve may undo. No gate, no halt, no freeze.
      requireRole(request.who, 'admin', 'author', 'approver');
      const plan = planRollback(
        factory,
        request.body.repo as RepoName | undefined,
        request.body.release as ReleaseId | undefined,
      );
      if (plan.kind === 'none') throw conflict('nothing-to-roll-back', plan.reason, plan.next);
      const { repo, from, to, leaves } = plan;
      const cannot = await cannotGoTo(factory, plan);
      if (cannot !== null)
        throw new HttpProblem(409, 'release-gone', `${to} cannot be gone back to: ${cannot}`, {
          kept: `${from} serves as before`,
          next: `./millwright rollback status, for another one`,
        });
      if (request.body.dryRun) {
        const text =
          leaves.length === 0
            ? `${to} is what is recorded as live: it is started where it does not run, and given all traffic`
            : `traffic of ${repo} goes from ${from} to ${to}; then the merge behind ${leaves.join(' and behind ')} is reverted by a new commit`;
        const what = await describe(factory, plan);
        return { repo, from, to, done: false, ms: 0, text, revert: null, plan: what };
      }
      const done = await rollBack(factory, plan, request.body.reason, request.who.actor);
      if (done.kind === 'failed')
        throw new HttpProblem(502, 'rollback-failed', done.reason, {
          kept: done.what === null ? `${from} still serves` : `${repo} is frozen, and a person is called`,
          next: done.what ?? `./millwright release show ${to}`,
        });
      return { repo, from, to, done: true, ms: done.ms, text: done.text, revert: done.revert, plan: null };
    },
  );

  app.post('/rollbacks/undo', { schema: { body: NewUndo, response: { 200: UndoView } } }, async (request) => {
    requireRole(request.who, 'admin', 'author', 'approver');
    const repo = named(request.body.repo);
    const asked = await requestRedeploy(factory, repo, request.who.actor);
    if (asked.kind === 'none')
      throw conflict('nothing-to-undo', asked.reason, './millwright rollback status');
    const { kind: state, release, reason } = asked;
    return { repo, state, release, reason, needs: asked.kind === 'waits' ? asked.needs : 0 };
  });

  const Frozen = z.object({ repo: RepoName, frozen: z.boolean() });
  app.post(
    '/targets/:repo/freeze',
    { schema: { params: Params, body: Reason, response: { 200: Frozen } } },
    async (request) => {
      requireRole(request.who, 'admin', 'author', 'approver');
      const repo = known(request.params.repo);
      const { reason } = request.body;
      await appendAs(factory, streamOf.target(repo), request.who, {
        type: 'target.frozen',
        data: { by: 'person', release: factory.world.target(repo).live, reason, what: '' },
      });
      return { repo, frozen: true };
    },
  );
  app.post(
    '/targets/:repo/thaw',
    { schema: { params: Params, body: Reason, response: { 200: Frozen } } },
    async (request) => {
      requireRole(request.who, 'admin', 'approver');
      const repo = known(request.params.repo);
      if (factory.world.target(repo).frozen === null)
        throw conflict('not-frozen', `the target of ${repo} is not frozen`, './millwright rollback status');
      await appendAs(factory, streamOf.target(repo), request.who, {
        type: 'target.thawed',
        data: request.body,
      });
      return { repo, frozen: false };
    },
  );
}
