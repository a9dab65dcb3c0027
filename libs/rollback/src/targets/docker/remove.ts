import type { RepoName } from '@millwright/domain';
import type Docker from 'dockerode';
import { removeContainer } from './containers.ts';
import { connectEngine, type Names, tolerate } from './place.ts';

/** What this library makes on an engine; sandboxes have other purposes and are not ours to remove. */
const PURPOSES = ['proxy', 'release', 'release-image', 'volume-owner', 'smoke', 'network'];

/** Containers and network of one target; its volumes and images too when `data` is true. Idempotent. */
export async function removeTarget(engine: Docker, names: Names, data: boolean): Promise<void> {
  const filters = names.filter();
  const containers = await engine.listContainers({ all: true, filters });
  const ours = containers.filter((each) => PURPOSES.includes(each.Labels['millwright.purpose'] ?? ''));
  await Promise.all(ours.map((each) => removeContainer(engine, each.Id)));
  await tolerate(engine.getNetwork(names.network).remove(), 404);
  if (!data) return;
  const { Volumes } = await engine.listVolumes({ filters });
  for (const volume of Volumes ?? []) await tolerate(engine.getVolume(volume.Name).remove(), 404);
  for (const image of await engine.listImages({ filters: names.filter('millwright.purpose=release-image') }))
    await tolerate(engine.getImage(image.Id).remove({ force: true }), 404);
}

/**
 * Removes containers and networks of this factory's targets whose repository is not in `keep`, and half-made ones (containers that
 * only carry a layer or a volume, or run a smoke command) of any. To be called at start, before the first deploy. Says how many it removed.
 */
export async function reapOrphans(options: {
  factory: string;
  keep: readonly RepoName[];
  dockerHost?: string | undefined;
}): Promise<{ containers: number; networks: number }> {
  const engine = connectEngine(options.dockerHost);
  const filters = { label: [`millwright.factory=${options.factory}`] };
  const orphan = (labels: Record<string, string>) => {
    const purpose = labels['millwright.purpose'] ?? '';
    if (!PURPOSES.includes(purpose)) return false;
    if (['release-image', 'volume-owner', 'smoke'].includes(purpose)) return true;
    return !options.keep.some((repo) => repo === labels['millwright.repo']);
  };
  const containers = (await engine.listContainers({ all: true, filters })).filter((each) =>
    orphan(each.Labels),
  );
  await Promise.all(containers.map((each) => removeContainer(engine, each.Id)));
  const networks = (await engine.listNetworks({ filters })).filter((each) => orphan(each.Labels ?? {}));
  for (const network of networks) await tolerate(engine.getNetwork(network.Id).remove(), 404);
  return { containers: containers.length, networks: networks.length };
}
