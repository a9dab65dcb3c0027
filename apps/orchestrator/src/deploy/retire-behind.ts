import type { ReleaseId, RepoName } from '@millwright/domain';
import { retire } from '@millwright/rollback';
import type { Factory } from '../drive/factory.ts';

/**
 * What the release that came to serve leaves over is stopped, in the deploy lane. What moved on since is left alone. Never rejects: what is left
 * has no traffic, and the next deploy stops it.
 */
export async function retireBehind(
  { deployments, world, trail, log }: Pick<Factory, 'deployments' | 'world' | 'trail' | 'log'>,
  repo: RepoName,
  release: ReleaseId,
  fence: number,
): Promise<void> {
  try {
    await world.reached(await trail.head());
    const served = world.target(repo).history.at(-1);
    const built = world.releases.get(release);
    if (served?.release !== release || built === undefined) return;
    const keep = served.previous === null ? [release] : [release, served.previous];
    const target = deployments.target(repo, await deployments.runAs(repo, built.run));
    await retire(target, { release, keep, fence, journal: deployments.journal(repo) });
  } catch (error) {
    log.warn(
      { repo, release, err: error },
      'what ran before runs on without traffic; the next deploy stops it',
    );
  }
}
