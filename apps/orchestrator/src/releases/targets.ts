import type { Artifacts, Clock, RepoName } from '@millwright/domain';
import { commandTarget, dockerTarget, type RunConfig, reapOrphans, type Target } from '@millwright/rollback';
import { type RollbackCache, writeRollbackCache } from './rollback-cache.ts';

/** Whose targets they are, and where what belongs to them lies. */
export type Place = {
  factory: string;
  incarnation: string;
  dataDir: string;
  proxyImage: string;
  dockerHost: string | undefined;
};

/** Where releases run. */
export type Targets = {
  /** The target that a release run like `run` lives on; a `command` target's commands are those of `run`. */
  of(repo: RepoName, run: RunConfig): Target;
  /** Removes what stands on this engine of other targets than those of `keep`. */
  reap(keep: readonly RepoName[]): Promise<void>;
  /** Keeps beside the target what going back needs when nothing else can be read. */
  keepCache(cache: RollbackCache): Promise<void>;
};

/** As a repository's file says: containers on the engine, or commands. */
export function targetsOf(place: Place, artifacts: Artifacts, clock: Clock): Targets {
  const { factory, dataDir } = place;
  const { dockerHost, ...rest } = place;
  const engine = dockerHost === undefined ? {} : { dockerHost };
  return {
    of: (repo, run) =>
      run.config.target === 'command'
        ? commandTarget({ factory, repo, dataDir, run, artifacts, clock })
        : dockerTarget({ ...rest, ...engine, repo, artifacts, clock }),
    reap: async (keep) => void (await reapOrphans({ factory, keep, ...engine })),
    keepCache: (cache) => writeRollbackCache(dataDir, cache),
  };
}
