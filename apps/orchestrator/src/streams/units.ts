import type { OpenTrail } from '@millwright/audit';
import { DEFAULT_UNIT, type RepoName, type UnitName, unitStream } from '@millwright/domain';
import type { Streams } from './streams.ts';

type Ports = { streams: Streams; trail: Pick<OpenTrail, 'named'> };

/** The default unit is always there. */
export const isUnit = async ({ streams }: Pick<Ports, 'streams'>, name: UnitName): Promise<boolean> =>
  name === DEFAULT_UNIT || (await streams.read(unitStream(name))).state.added;

/** Every unit by name, with its repositories by name, as the repositories' own streams have it. */
export async function unitsWithRepos({ streams, trail }: Ports): Promise<Map<UnitName, RepoName[]>> {
  const [units, repos] = await Promise.all([trail.named('unit'), trail.named('repo')]);
  const found = new Map<UnitName, RepoName[]>(
    [DEFAULT_UNIT, ...units].sort().map((name) => [name as UnitName, []]),
  );
  const states = await Promise.all(repos.map((name) => streams.repository(name as RepoName).look()));
  for (const [i, { unit }] of states.entries()) found.get(unit)?.push(repos[i] as RepoName);
  return found;
}
