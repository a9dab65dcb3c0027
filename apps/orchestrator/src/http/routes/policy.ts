import type { PolicyLayer } from '@millwright/api';
import { type RepoName, type RoleScope, streamOf, type UnitName } from '@millwright/domain';
import { DEFAULT_POLICY, defaultPolicies, loadPolicy, policyDigest, readLayer } from '@millwright/policy';
import type { FastifyInstance } from 'fastify';
import { layersOf, REPOSITORY_POLICY } from '../../gates/layers.ts';
import { type Api, serve, serveThere } from '../api.ts';
import { namesOf } from '../names.ts';
import { HttpProblem, problem } from '../problem.ts';
import { replay } from '../views/replay.ts';
import { knownRepo, ofRepository } from './repos.ts';
import { knownUnit } from './units.ts';

/** A remote that was asked so lately is not asked again. Milliseconds. */
const SEEN_MS = 2_000;

/** A layer's text as it is shown; null where there is none. */
function layerOf(layer: 'factory' | 'unit' | 'repository', source: string, text: string | null): PolicyLayer {
  const none = { layer, source, digest: null, text: null, policies: [], set: null, problems: [] };
  if (text === null) return none;
  const { statements, problems } = readLayer(text, layer);
  return {
    ...{ ...none, text, digest: policyDigest(text) },
    policies: statements.map(({ id, effect, says }) => ({ id, effect, says })),
    problems: problems.map((one) => `line ${one.line}, column ${one.column}: ${one.text}`),
  };
}

/** Throws what is wrong with a text for that layer. */
function mustFit(scope: RoleScope, text: string | null): void {
  const layer = scope.kind === 'repo' ? 'repository' : scope.kind;
  const loaded = loadPolicy({ [layer]: text });
  if (loaded.kind === 'refused')
    throw new HttpProblem('bad-policy', loaded.problems.join('; '), {
      hint: 'a policy has an @id, and only forbids: docs/policy.md has one',
    });
}

export function policyRoutes(app: FastifyInstance, api: Api): void {
  const { factory, version } = api;

  const ofMillwright = (): PolicyLayer => ({
    ...{ layer: 'default', source: `Millwright ${version}`, text: DEFAULT_POLICY, set: null, problems: [] },
    digest: policyDigest(DEFAULT_POLICY),
    policies: defaultPolicies().statements.map(({ id, effect, says }) => ({ id, effect, says })),
  });

  /** Who set a unit's policy last. */
  const setBy = async (unit: UnitName): Promise<PolicyLayer['set']> => {
    const entries = await factory.trail.read(streamOf.unit(unit));
    const last = entries.findLast(({ entry }) => entry.type === 'unit.policy-set');
    if (last?.entry.type !== 'unit.policy-set' || last.entry.data.policy === null) return null;
    const { actor, at, position } = last.envelope;
    return { by: (await namesOf(factory)).get(actor) ?? actor, at, position, reason: last.entry.data.reason };
  };

  serve(app, 'showPolicy', async ({ params }) => {
    const { repo, branch } = knownRepo(factory, params.repo);
    const { unit, layers, odd } = await standing(repo);
    const own = layerOf('repository', `${REPOSITORY_POLICY} of ${branch}`, layers.repository);
    return {
      ...{ repo, unit },
      layers: [
        ofMillwright(),
        { ...layerOf('unit', `unit ${unit}`, layers.unit), set: await setBy(unit) },
        odd === null ? own : { ...own, problems: [odd] },
      ],
    };
  });

  const known = async (scope: RoleScope): Promise<RoleScope> => {
    if (scope.kind === 'repo') return ofRepository(factory, scope.repo);
    return scope.kind === 'unit' ? { kind: 'unit', unit: await knownUnit(factory, scope.unit) } : scope;
  };

  serveThere(
    app,
    api,
    'replayPolicy',
    ({ body }) => known(body.scope),
    async ({ body }, _, scope) => {
      mustFit(scope, body.policy);
      return replay(factory, { ...body, scope });
    },
  );

  /** As its branch is now. */
  const standing = async (repo: RepoName) => {
    const base = await (await factory.repositories.open(repo)).fetch(SEEN_MS);
    if ('kind' in base) throw problem('repo-unreachable', base.reason, { act: 'check-factory' });
    return layersOf(factory, repo, base.tree);
  };
}
