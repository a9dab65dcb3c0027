import { basename } from 'node:path';
import type { Act, ErrorCode, RepoView } from '@millwright/api';
import type { RepoInfo } from '@millwright/domain';
import { earnedRaise, nameOfScope, RepoName, repositoryStream, sameScope } from '@millwright/domain';
import type { Secrets, Store } from '@millwright/store';
import type { FastifyInstance } from 'fastify';
import { setupOf } from '../../intake/setup.ts';
import { standingOf } from '../../intake/tickets.ts';
import type { Deployments } from '../../releases/deployments.ts';
import type { Settings } from '../../settings.ts';
import { GIT_TOKEN } from '../../source-control/credential.ts';
import { remoteUrl, withoutSecrets } from '../../source-control/remote-url.ts';
import type { Repositories } from '../../source-control/repositories.ts';
import type { KnownSecrets } from '../../streams/known-secrets.ts';
import type { Streams } from '../../streams/streams.ts';
import type { Views } from '../../views/views.ts';
import { type Api, serve, serveThere } from '../api.ts';
import { appendAs } from '../append-as.ts';
import { firstOf } from '../page.ts';
import { notFound, problem, unknownFilter } from '../problem.ts';
import { knownUnit } from './units.ts';

type Ports = {
  deployments: Deployments;
  knownSecrets: KnownSecrets;
  modelKey: boolean | null;
  repositories: Repositories;
  secrets: Secrets;
  settings: Settings;
  store: Store;
  streams: Streams;
  views: Views;
};

/** Whether something of a repository was asked for. Throws 404 for one that is not there, rather than say that it has nothing. */
export function ofRepo(factory: Ports, name: string | undefined): (repo: string) => boolean {
  if (name !== undefined && !factory.views.open.repo(name as RepoName))
    throw unknownFilter('repository', name, thereAre(factory));
  return (repo) => name === undefined || repo === name;
}

/** The repository of that name, or 404 with what there is. */
export function knownRepo(factory: Pick<Ports, 'views'>, name: string) {
  const repo = factory.views.open.repo(name as RepoName);
  if (!repo) throw notFound('repository', name, thereAre(factory), factory.views.open.repos.keys());
  return repo;
}

/** The scope of the repository of that name, or 404. */
export const ofRepository = (factory: Pick<Ports, 'views'>, name: string) =>
  ({ kind: 'repo', repo: knownRepo(factory, name).repo }) as const;

const thereAre = ({ views }: Pick<Ports, 'views'>): Act | string =>
  views.open.repos.size > 0
    ? `there are: ${[...views.open.repos.keys()].join(', ')}`
    : { act: 'add-repo', to: 'add one first' };

export async function repoView(factory: Ports, name: RepoName): Promise<RepoView> {
  const repo = knownRepo(factory, name);
  const { url, branch, deliver, step } = repo;
  const address = await factory.deployments.address(name);
  const { live } = factory.views.open.target(name);
  const { unit } = await factory.streams.repository(name).look();
  const { ceiling, troubles } = await setupOf(factory, name);
  return {
    name,
    unit,
    url,
    branch,
    deliver,
    step,
    demoted: demotedOf(factory, repo),
    live,
    address,
    ceiling,
    troubles,
  };
}

/** Kinds of change that are at a lower step than their repository. */
const demotedOf = (factory: Ports, repo: RepoInfo): RepoView['demoted'] =>
  [...repo.lost]
    .filter(([, { to }]) => to < repo.step)
    .map(([kind, { to, upTo, at, release, served }]) => ({
      ...{ kind, step: to, upTo, since: at, release },
      ...{ served: served.length, needed: factory.settings.raiseAfter },
      earned: earnedRaise(repo, kind, factory.settings.raiseAfter)?.to ?? null,
    }));

export function repoRoutes(app: FastifyInstance, api: Api): void {
  const { factory } = api;
  const view = (name: RepoName) => repoView(factory, name);

  const unitOf = async (given: string | undefined) =>
    ({ kind: 'unit', unit: await knownUnit(factory, given) }) as const;

  serveThere(
    app,
    api,
    'addRepo',
    ({ body }) => unitOf(body.unit),
    async (request, reply, { unit }) => {
      const { url, branch, token = null } = request.body;
      const address = remoteUrl(url);
      if (address.kind === 'refused')
        throw problem('repo-refused', `${withoutSecrets(url)}: ${address.reason}`);
      if (token !== null && !address.url.startsWith('https://'))
        throw problem(
          'token-unused',
          'only an https:// address takes a token',
          'ssh uses the agent at SSH_AUTH_SOCK',
        );
      const named = RepoName.safeParse(
        request.body.name ??
          basename(url)
            .replace(/\.git$/, '')
            .toLowerCase(),
      );
      if (!named.success)
        throw problem('bad-name', named.error.issues[0]?.message ?? 'that is no name', {
          act: 'give',
          field: 'name',
        });
      const name = named.data;
      if (factory.views.open.repo(name))
        throw problem('exists', `there is a repository ${name} already`, {
          act: 'give',
          field: 'name',
          to: 'for another name',
        });
      const probe = await factory.repositories.probe(address.url, branch, token);
      let deliver = request.body.deliver;
      try {
        const standing = await standingOf(probe.repository);
        if (standing.kind === 'unready')
          throw problem(standing.code, standing.message, nextFor(standing.code));
        const { files, bytes } = await probe.repository.measure(standing.base);
        const most = factory.settings.bundleBytes;
        if (bytes > most)
          throw problem(
            'repo-too-large',
            `${standing.base.commit.slice(0, 10)} has ${files} files, and with its last commits takes about ${mebibytes(bytes)} MiB packed: a stage gets at most ${mebibytes(most)} MiB, so every ticket would fail`,
            'nothing was added; move large files off its branch (to a package, a bucket), or add a smaller repository',
          );
        if (deliver === 'merge' && (await probe.repository.isCheckedOut())) deliver = 'branch';
        await probe.keep(name);
      } catch (error) {
        await probe.discard();
        throw error;
      }
      if (token !== null) {
        await factory.secrets.set(name, GIT_TOKEN, token);
        factory.knownSecrets.forget();
        await factory.knownSecrets.now();
      }
      await appendAs(factory, repositoryStream(name), request.who, {
        type: 'repo.added',
        data: { repo: name, url: address.url, branch, deliver, unit },
      });
      return reply.status(201).send(await view(name));
    },
  );

  serve(app, 'listRepos', (request, reply) => {
    const part = firstOf([...factory.views.open.repos.keys()], request.query, reply, String);
    return Promise.all(part.map(view));
  });

  // Out of one unit and into another: an administrator of both says it.
  const fromAndTo = async (name: string, to: string) => {
    const { repo } = knownRepo(factory, name);
    return [await unitOf((await factory.streams.repository(repo).look()).unit), await unitOf(to)] as const;
  };
  serveThere(
    app,
    api,
    'moveRepo',
    ({ params, body }) => fromAndTo(params.repo, body.unit),
    async (request, _, [now, to]) => {
      const { repo } = knownRepo(factory, request.params.repo);
      const { reason } = request.body;
      const { unit } = to;
      const halts = await factory.forward.halts();
      const scope = { kind: 'unit', unit: now.unit } as const;
      if (unit !== now.unit && halts.some((one) => sameScope(one.scope, scope)))
        throw problem('still-halted', `${nameOfScope(scope)} is halted, and ${repo} with it`, {
          ...{ act: 'resume', scope, to: 'let it go on, then move it' },
        });
      await appendAs(factory, repositoryStream(repo), request.who, (state) => {
        // Somebody moved it meanwhile, out of where it was asked whether this person may.
        if (state.unit !== now.unit && state.unit !== unit)
          throw problem('not-due', `${repo} is of unit ${state.unit} by now`, { act: 'list-units' });
        return { type: 'repo.moved', data: { repo, unit, reason } };
      });
      return view(repo);
    },
  );

  serveThere(
    app,
    api,
    'setSecret',
    ({ params }) => ofRepository(factory, params.repo),
    async (request, _, { repo }) => {
      await factory.secrets.set(repo, request.body.name, request.body.value);
      factory.knownSecrets.forget();
      const { untold } = await factory.knownSecrets.now();
      await appendAs(factory, repositoryStream(repo), request.who, {
        type: 'repo.secret-set',
        data: { repo, name: request.body.name },
      });
      const { name } = request.body;
      // False: too short, or too plain a word, to be found by its value in tickets and changes.
      return { repo, name, names: await factory.secrets.names(repo), lookedFor: !untold.includes(name) };
    },
  );
}

const mebibytes = (bytes: number): number => Math.ceil(bytes / 1_048_576);

const nextFor = (code: ErrorCode): Act | string => {
  switch (code) {
    case 'repo-not-git':
      return 'name a git repository: a path to one, or its https:// or ssh:// address';
    case 'repo-empty':
      return 'push a first commit, then add it again';
    case 'repo-no-branch':
      return { act: 'give', field: 'branch', to: 'name a branch it has' };
    case 'bad-config':
      return 'mend millwright.yaml on the default branch, then add it again';
    default:
      return 'check the address and that this machine may read it (https: a token on stdin with --with-token), then add it again';
  }
};
