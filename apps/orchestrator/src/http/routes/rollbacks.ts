import { type Freeze, freezesOf, type ReleaseId, type RepoName, targetStream } from '@millwright/domain';
import type { FastifyInstance } from 'fastify';
import { deployOf } from '../../releases/forward-deploy.ts';
import { unstick } from '../../releases/freeze.ts';
import {
  cannotGoTo,
  describe,
  leftText,
  planRollback,
  repoOf,
  rollBack,
  sentenceOf,
  targetNow,
} from '../../releases/manual-rollback.ts';
import { requestRedeploy } from '../../releases/redeploy.ts';
import { freezeViews, rollbackStatus } from '../../releases/rollback-status.ts';
import { abortCanary, pauseCanary, promoteCanary } from '../../releases/steer-canary.ts';
import { liftOf, reasonOf } from '../../streams/forward.ts';
import { type Api, type BodyOf, serve, serveThere } from '../api.ts';
import { appendAs } from '../append-as.ts';
import { namesOf } from '../names.ts';
import { firstOf } from '../page.ts';
import { HttpProblem, problem } from '../problem.ts';
import { stopView } from '../views/stop-view.ts';
import { driveOpen, untilQuiet } from './factory.ts';
import { knownRepo, ofRepository } from './repos.ts';

/** Going back, forward again, and holding a target still. */
export function rollbackRoutes(app: FastifyInstance, api: Api): void {
  const { factory, driver } = api;
  const known = (name: string): RepoName => knownRepo(factory, name).repo;
  const deployed = (): RepoName[] =>
    [...factory.views.open.targets].filter(([, target]) => target.live !== null).map(([name]) => name);
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

  serve(app, 'listTargets', async (request, reply) => {
    const { repo } = request.query;
    const named = repo === undefined ? [...factory.views.open.repos.keys()] : [known(repo)];
    const which = firstOf(named, request.query, reply, String);
    const names = await namesOf(factory);
    const all = await Promise.all(which.map((name) => rollbackStatus(factory, name, names)));
    return all.map(({ canary, ...rest }) => {
      const paused = canary?.paused && {
        ...canary.paused,
        by: names.get(canary.paused.by) ?? canary.paused.by,
      };
      const stop = stopView(factory.forward.known(deployOf(rest.repo)), names);
      return { ...rest, stop, canary: canary && { ...canary, paused: paused ?? null } };
    });
  });

  const meant = async ({ body }: { body: BodyOf<'rollBack'> }) => {
    const release = (body.release as ReleaseId | undefined) ?? body.from;
    const repo = await repoOf(factory, body.repo as RepoName | undefined, release);
    if (typeof repo !== 'string') throw problem('nothing-to-roll-back', repo.reason, repo.next);
    return { kind: 'repo', repo } as const;
  };
  serveThere(app, api, 'rollBack', meant, async (request, _reply, there) => {
    // Going back is never harder than going forward: whoever may file or approve may undo. No gate, no halt, no freeze.
    const named = request.body.release as ReleaseId | undefined;
    const seen = request.body.from;
    const plan = await planRollback(factory, there.repo, named, seen);
    if (plan.kind === 'none') throw problem('nothing-to-roll-back', plan.reason, plan.next);
    const { repo, to } = plan;
    if (plan.kind === 'left')
      return { repo, from: plan.from, to, done: true, ms: 0, text: leftText(plan), revert: null, plan: null };
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
    const ask = { repo, to: named ?? null, from: seen ?? null, reason, by: request.who.actor };
    const done = await rollBack(factory, ask);
    if (done.kind === 'failed')
      throw new HttpProblem('rollback-failed', done.reason, {
        kept: done.what === null ? `${from} still serves` : `${repo} is frozen, and a person is called`,
        ...(done.what === null ? {} : { hint: done.what, acts: unstick(repo) }),
      });
    const { kind: _, ...rest } = done;
    return { repo, done: true, plan: null, ...rest };
  });

  const inNamed = ({ body }: { body: BodyOf<'undoRollback'> }) =>
    ({ kind: 'repo', repo: named(body.repo) }) as const;
  serveThere(app, api, 'undoRollback', inNamed, async (request, _reply, { repo }) => {
    const asked = await requestRedeploy(factory, repo, request.who.actor);
    if (asked.kind === 'none') throw problem('nothing-to-undo', asked.reason);
    if (asked.kind === 'stopped') throw problem(asked.stop.kind, reasonOf(asked.stop), liftOf(asked.stop));
    const { kind: state, release } = asked;
    // Frozen, policy denies it: who froze it, and what lifts that, is what helps.
    const stop = asked.kind === 'denied' ? asked.stop : null;
    return {
      ...{ repo, state, release, needs: asked.kind === 'waits' ? asked.needs : 0 },
      reason: stop === null ? asked.reason : `${asked.reason} ${reasonOf(stop)}`,
      acts: stop === null ? [] : [liftOf(stop)],
    };
  });

  // To hold and to go back is anybody's who may file or approve; to go forward sooner is judged, and an approver's.
  const where = ({ params }: { params: { repo: string } }) => ofRepository(factory, params.repo);
  serveThere(app, api, 'pauseCanary', where, ({ who, body }, _, { repo }) =>
    pauseCanary(factory, repo, who.actor, body.reason, body.ms),
  );
  serveThere(app, api, 'promoteCanary', where, ({ who, body }, _, { repo }) =>
    promoteCanary(factory, repo, who.actor, body.reason),
  );
  serveThere(app, api, 'abortCanary', where, ({ who, body }, _, { repo }) =>
    abortCanary(factory, driver, repo, who.actor, body.reason),
  );

  serveThere(app, api, 'freezeTarget', where, async (request, _reply, { repo }) => {
    const { reason } = request.body;
    const { canary } = await targetNow(factory, repo);
    await appendAs(factory, targetStream(repo), request.who, {
      type: 'target.frozen',
      data: { by: 'person', release: factory.views.open.target(repo).live, reason, what: '' },
    });
    await untilQuiet(factory, () => factory.deployments.canary(repo) === null);
    const { frozen } = await targetNow(factory, repo);
    const freezes = freezeViews(freezesOf(frozen), await namesOf(factory));
    return { repo, frozen: frozen !== null, freezes, held: canary?.held === null ? canary.release : null };
  });
  serveThere(app, api, 'thawTarget', where, async (request, _reply, { repo }) => {
    let lifted: Freeze[] = [];
    await appendAs(factory, targetStream(repo), request.who, ({ frozen }) => {
      lifted = freezesOf(frozen);
      return { type: 'target.thawed', data: request.body };
    });
    driveOpen(factory, driver);
    return { repo, frozen: false, freezes: freezeViews(lifted, await namesOf(factory)), held: null };
  });
}
