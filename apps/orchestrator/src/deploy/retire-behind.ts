import type { ReleaseId, RepoName } from '@millwright/domain';
import type { Factory } from '../drive/factory.ts';

/** What the release that serves now leaves over is stopped, in the deploy lane. Never rejects: what is left has no traffic, and the next deploy stops it. */
export async function retireBehind(
  { deployments, log }: Pick<Factory, 'deployments' | 'log'>,
  repo: RepoName,
  release: ReleaseId,
  fence: number,
): Promise<void> {
  try {
    await deployments.retire(repo, release, fence);
  } catch (error) {
    log.warn(
      { repo, release, err: error },
      'what ran before runs on without traffic; the next deploy stops it',
    );
  }
}
