import type { RepoInfo } from '@millwright/domain';
import {
  AFTER_CRITICAL,
  earnedRaise,
  type RepoName,
  type RunId,
  repositoryStream,
  stepFor,
  type TicketKind,
} from '@millwright/domain';
import type { Secrets } from '@millwright/store';
import type { FastifyInstance } from 'fastify';
import { standingOf } from '../../intake/tickets.ts';
import type { Deployments } from '../../releases/deployments.ts';
import type { Settings } from '../../settings.ts';
import type { Repositories } from '../../source-control/repositories.ts';
import type { Registered } from '../../streams/register.ts';
import type { Streams } from '../../streams/streams.ts';
import type { Views } from '../../views/views.ts';
import { type Api, serveThere } from '../api.ts';
import { appendAs } from '../append-as.ts';
import { requireRole, type Who } from '../authenticate.ts';
import { problem } from '../problem.ts';
import { knownRepo, ofRepository, repoView } from './repos.ts';

type Ports = {
  deployments: Deployments;
  repositories: Repositories;
  secrets: Secrets;
  settings: Settings;
  streams: Streams;
  views: Views;
};

export function autonomyRoutes(app: FastifyInstance, api: Api): void {
  const { factory } = api;
  serveThere(
    app,
    api,
    'setStep',
    ({ params }) => ofRepository(factory, params.repo),
    async (request, _, there) => {
      const { repo } = there;
      const registered = await factory.register.look();
      const info = registered.repository(repo) ?? knownRepo(factory, repo);
      const { step, kind, reason } = request.body;
      const raises = step > stepFor(info, kind === undefined ? [] : [kind]);
      // A person may lower a step at any time; raising is an administrator's signed entry.
      if (raises) await requireRole(factory, request.who, ['admin'], there);
      if (kind !== undefined && raises) mustHaveEarned(factory, registered, info, kind, step, request.who);
      if (raises && step > AFTER_CRITICAL) await mustNotBeStuck(factory, repo);
      if (step >= UNATTENDED) await mustGoBack(factory, repo);
      const data = { repo, step, ...(kind === undefined ? {} : { kind }), reason };
      await appendAs(
        factory,
        repositoryStream(repo),
        request.who,
        { type: 'repo.step-set', data },
        {
          acts: [{ act: 'set-autonomy', repo, step }],
        },
      );
      return repoView(factory, repo);
    },
  );
}

/** Throws where the factory froze the target because going back failed: until a person has thawed it, the sweep would take the step again. */
async function mustNotBeStuck(factory: Ports, repo: RepoName): Promise<void> {
  const { frozen } = await factory.streams.target(repo).look();
  if (frozen?.by === 'factory')
    throw problem('frozen', `${repo} could not go back and is frozen: ${frozen.reason}`, {
      act: 'thaw-target',
      repo,
      to: 'mend it, then',
    });
}

/**
 * Throws unless a person had only lowered this kind of change, or it has earned the raise, by tickets that are not of the one who says it:
 * nobody widens what their own work may do.
 */
function mustHaveEarned(
  { settings }: Ports,
  registered: Registered,
  info: RepoInfo,
  kind: TicketKind,
  step: number,
  who: Who,
): void {
  const name = info.repo;
  const of = `${kind} changes of ${name}`;
  const show = { act: 'show-autonomy', repo: name } as const;
  // Further than its repository it never goes: its stream says so.
  if (step > info.step) return;
  if (step <= (info.lost.get(kind)?.upTo ?? 0)) return;
  const raise = earnedRaise(info, kind, settings.raiseAfter);
  if (raise === null) {
    const count = info.lost.get(kind)?.served.length ?? 0;
    throw problem(
      'not-earned',
      `${of} stay at step ${stepFor(info, [kind])}: ${count} of ${settings.raiseAfter} releases of them came to serve since they fell`,
      show,
    );
  }
  if (step > raise.to)
    throw problem('one-step', `${of} are raised by one step at a time, to ${raise.to} now`, {
      act: 'set-autonomy',
      repo: name,
      step: raise.to,
      kind,
    });
  const author = (run: RunId) => String(registered.run(run)?.author);
  if (raise.runs.some((run) => author(run) === String(who.id)))
    throw problem(
      'forbidden',
      `${who.name} filed tickets that earned this raise: another administrator must say it`,
      show,
    );
}

/** From this step on the default policy lets releases out that no person has seen. */
const UNATTENDED = 6;

/** Throws where the repository's target cannot go back: at such a step nobody would be there to mend it. */
async function mustGoBack(factory: Ports, name: RepoName): Promise<void> {
  const standing = await standingOf(await factory.repositories.open(name));
  const deploy = standing.kind === 'ready' ? standing.config.deploy : undefined;
  const cannot = deploy === undefined ? null : factory.deployments.cannotGoBack(name, deploy);
  if (cannot !== null)
    throw problem('cannot-go-back', cannot, {
      act: 'set-autonomy',
      repo: name,
      step: UNATTENDED - 1,
      to: `add deploy.commands.rollback to millwright.yaml, or stay below step ${UNATTENDED}, where people allow each deploy`,
    });
}
