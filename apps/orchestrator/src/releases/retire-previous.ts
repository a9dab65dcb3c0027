import type { RepoName } from '@millwright/domain';
import { retire } from '@millwright/rollback';
import type { Logger } from 'pino';
import type { Streams } from '../streams/streams.ts';
import type { Deployments } from './deployments.ts';

type Ports = { deployments: Deployments; log: Logger; streams: Streams };

/**
 * What the release that came to serve leaves over is stopped, in the deploy lease: once, and not on a frozen target, which is a person's. Never
 * rejects: what is left has no traffic, and is stopped in a later sweep or by the next deploy.
 */
export async function retirePrevious({ deployments, streams, log }: Ports, repo: RepoName): Promise<void> {
  try {
    const { retires, history, frozen } = await streams.target(repo).look();
    const desired = await deployments.desired(repo);
    if (retires === null || frozen !== null || desired === null) return;
    const { release, fence } = retires;
    const previous = history.at(-1)?.previous ?? null;
    const keep = previous === null ? [release] : [release, previous];
    const order = { release, keep, fence, journal: deployments.journal(repo) };
    await retire(deployments.target(repo, desired.run), order);
  } catch (error) {
    log.warn({ repo, err: error }, 'what ran before the release that serves runs on, without traffic');
  }
}
