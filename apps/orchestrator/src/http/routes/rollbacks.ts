import {
  CanaryAnswer,
  NewPause,
  NewRollback,
  NewUndo,
  Reason,
  RollbackStatus,
  RollbackView,
  UndoView,
} from '@millwright/api';
import { type Actor, ReleaseId, RepoName, targetStream } from '@millwright/domain';
import { z } from 'zod';
import { deployOf } from '../../releases/forward-deploy.ts';
import {
  cannotGoTo,
  describe,
  planRollback,
  rollBack,
  sentenceOf,
  targetNow,
} from '../../releases/manual-rollback.ts';
import { requestRedeploy } from '../../releases/redeploy.ts';
import { rollbackStatus } from '../../releases/rollback-status.ts';
import { abortCanary, pauseCanary, promoteCanary } from '../../releases/steer-canary.ts';
import type { Api, App } from '../api.ts';
import { requireRole } from '../authenticate.ts';
import { namesOf } from '../names.ts';
import { HttpProblem, notFound, problem } from '../problem.ts';
import { say } from '../say.ts';
import { stopView } from '../views/stop-view.ts';
import { driveOpen, untilQuiet } from './factory.ts';
import { OfRepo } from './repos.ts';

const Params = z.object({ repo: RepoName });

/** Going back, forward again, and holding a target still. */
export function rollbackRoutes(app: App, { factory, driver }: Api): void {
  const known = (name: string): RepoName => {
    const repo = [...factory.world.repos.keys()].find((one) => one === name);
    if (repo === undefined) throw notFound('repository', name, { act: 'list-repos' });
    return repo;
  };
  const deployed = (): RepoName[] =>
    [...factory.world.targets].filter(([, target]) => target.live !== null).map(([name]) => name);
  const named = (name: string | undefined): RepoName => {
    if (name !== undefined) return known(name);
    const [only, ...others] = deployed();
    if (only === undefined) throw problem('nothing-deployed', 'nothing is deployed');
    if (others.length > 0)
      throw problem('which-repository', 'more than one is deployed', {
        act: 'give',
        field: 'repo',
        values: [only, ...others],
        to: 'say which',
      });
    return only;
  };

  app.get(
    '/rollbacks',
    { schema: { querystring: OfRepo, response: { 200: z.array(RollbackStatus) } } },
    async (request) => {
      const { repo } = request.query;
      const which = repo === undefined ? [...factory.world.repos.keys()] : [known(repo)];
      const names = await namesOf(factory);
      const all = await Promise.all(which.map((name) => rollbackStatus(factory, name)));
      return all.map(({ canary, ...rest }) => {
        const paused = canary?.paused && {
          ...canary.paused,
          by: names.get(canary.paused.by) ?? canary.paused.by,
        };
        const stop = stopView(factory.forward.known(deployOf(rest.repo)), names);
        return { ...rest, stop, canary: canary && { ...canary, paused: paused ?? null } };
      });
    },
  );

  app.post(
    '/rollbacks',
    { schema: { body: NewRollback, response: { 200: RollbackView } } },
    async (request) => {
      // Going back is never harder than going forward: whoever may file or approve may undo. No gate, no halt, no freeze.
      requireRole(request.who, 'admin', 'author', 'approver');
      const named = request.body.release as ReleaseId | undefined;
      const plan = await planRollback(factory, request.body.repo as RepoName | undefined, named);
      if (plan.kind === 'none') throw problem('nothing-to-roll-back', plan.reason, plan.next);
      const { repo, to } = plan;
      const from = plan.kind === 'abort' ? plan.canary.release : plan.from;
      const cannot = await cannotGoTo(factory, plan);
      if (cannot !== null)
        throw new HttpProblem('release-gone', `${to} cannot be gone back to: ${cannot}`, {
          kept: `${from} serves as before`,
        });
      if (request.body.dryRun) {
        const what = await describe(factory, plan);
        return { repo, from, to, done: false, ms: 0, text: sentenceOf(plan), revert: null, plan: what };
      }
      // Planned again once nobody else is at work on the target: what was said above may not hold then.
      const { reason } = request.body;
      const ask = { repo, to: named ?? null, reason, by: request.who.actor };
      const done = await rollBack(factory, ask);
      if (done.kind === 'failed')
        throw new HttpProblem('rollback-failed', done.reason, {
          kept: done.what === null ? `${from} still serves` : `${repo} is frozen, and a person is called`,
          ...(done.what === null ? {} : { hint: done.what, acts: [] }),
        });
      const { kind: _, ...rest } = done;
      return { repo, done: true, plan: null, ...rest };
    },
  );

  app.post('/rollbacks/undo', { schema: { body: NewUndo, response: { 200: UndoView } } }, async (request) => {
    requireRole(request.who, 'admin', 'author', 'approver');
    const repo = named(request.body.repo);
    const asked = await requestRedeploy(factory, repo, request.who.actor);
    if (asked.kind === 'none') throw problem('nothing-to-undo', asked.reason);
    const { kind: state, release, reason } = asked;
    return { repo, state, release, reason, needs: asked.kind === 'waits' ? asked.needs : 0 };
  });

  const canaryRoute = <B extends typeof Reason | typeof NewPause>(
    verb: 'pause' | 'promote' | 'abort',
    body: B,
    roles: readonly ('admin' | 'author' | 'approver')[],
    work: (repo: RepoName, who: Actor, body: z.infer<B>) => Promise<CanaryAnswer>,
  ) =>
    app.post(
      `/targets/:repo/${verb}`,
      { schema: { params: Params, body, response: { 200: CanaryAnswer } } },
      (request) => {
        requireRole(request.who, ...roles);
        return work(known(request.params.repo), request.who.actor, request.body as z.infer<B>);
      },
    );
  // To hold and to go back is anybody's who may file or approve; to go forward sooner is judged, and an approver's.
  const all = ['admin', 'author', 'approver'] as const;
  canaryRoute('pause', NewPause, all, (repo, who, { reason, ms }) =>
    pauseCanary(factory, repo, who, reason, ms),
  );
  canaryRoute('promote', Reason, ['admin', 'approver'], (repo, who, { reason }) =>
    promoteCanary(factory, repo, who, reason),
  );
  canaryRoute('abort', Reason, all, (repo, who, { reason }) =>
    abortCanary(factory, driver, repo, who, reason),
  );

  const Frozen = z.object({
    repo: RepoName,
    frozen: z.boolean(),
    /** The canary that the freeze held: its traffic is back, and it begins anew after the thaw. */
    held: ReleaseId.nullable(),
  });
  app.post(
    '/targets/:repo/freeze',
    { schema: { params: Params, body: Reason, response: { 200: Frozen } } },
    async (request) => {
      requireRole(request.who, 'admin', 'author', 'approver');
      const repo = known(request.params.repo);
      const { reason } = request.body;
      const { canary } = await targetNow(factory, repo);
      await say(factory, targetStream(repo), request.who, {
        type: 'target.frozen',
        data: { by: 'person', release: factory.world.target(repo).live, reason, what: '' },
      });
      await factory.forward.hear();
      await untilQuiet(factory, () => factory.deployments.canary(repo) === null);
      return { repo, frozen: true, held: canary?.held === null ? canary.release : null };
    },
  );
  app.post(
    '/targets/:repo/thaw',
    { schema: { params: Params, body: Reason, response: { 200: Frozen } } },
    async (request) => {
      requireRole(request.who, 'admin', 'approver');
      const repo = known(request.params.repo);
      await say(factory, targetStream(repo), request.who, {
        type: 'target.thawed',
        data: request.body,
      });
      driveOpen(factory, driver);
      return { repo, frozen: false, held: null };
    },
  );
}
