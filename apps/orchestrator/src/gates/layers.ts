import type { GitSha, RepoName, UnitName } from '@millwright/domain';
import type { Layers } from '@millwright/policy';
import type { Repositories } from '../source-control/repositories.ts';
import type { Streams } from '../streams/streams.ts';

type Ports = { repositories: Repositories; streams: Streams };

/** Of the default branch, at most this long. It can only tighten. */
export const REPOSITORY_POLICY = '.millwright/policy.cedar';
const MAX_POLICY_BYTES = 65_536;

/** `odd`: why what stands in the place of the repository's policy cannot be read as one; that is not the same as none. */
export type Standing = { unit: UnitName; layers: Layers; odd: string | null };

/** The layers of policy over the default one that hold for a repository now, its own as this tree has it. */
export async function layersOf(factory: Ports, repo: RepoName, tree: GitSha): Promise<Standing> {
  const own = await (await factory.repositories.open(repo)).file(tree, REPOSITORY_POLICY, MAX_POLICY_BYTES);
  const { unit } = await factory.streams.repository(repo).look();
  const { policy } = await factory.streams.unit(unit).look();
  return {
    unit,
    layers: { factory: null, unit: policy, repository: own.kind === 'file' ? own.text : null },
    odd: own.kind === 'odd' ? own.reason : null,
  };
}
