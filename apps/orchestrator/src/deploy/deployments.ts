import type { OpenTrail } from '@millwright/audit';
import {
  type Artifacts,
  type Clock,
  type DeployConfig,
  type Digest,
  getJson,
  Release,
  type ReleaseId,
  RepoConfig,
  type RepoName,
  type RunId,
  terminal,
} from '@millwright/domain';
import {
  commandTarget,
  type DeployResult,
  deploy,
  dockerTarget,
  type ReleaseRef,
  type RollbackResult,
  type RunAs,
  reapOrphans,
  rollback,
  type Target,
} from '@millwright/rollback';
import type { Secrets } from '@millwright/store';
import type { World } from '../views/world.ts';
import { TargetJournal } from './target-journal.ts';

export type Place = {
  factory: string;
  incarnation: string;
  dataDir: string;
  proxyImage: string;
  dockerHost: string | undefined;
};

type Deps = {
  place: Place;
  artifacts: Artifacts;
  secrets: Secrets;
  trail: OpenTrail;
  world: World;
  clock: Clock;
};

/** Releases of this factory on their targets: what the trail says, carried out by libs/rollback. */
export class Deployments {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** The target that a release run like `run` lives on; a `command` target's commands are those of `run`. */
  target(repo: RepoName, run: RunAs): Target {
    const { place, artifacts, clock } = this.#deps;
    const { dockerHost, ...rest } = place;
    if (run.config.target === 'command')
      return commandTarget({ repo, dataDir: place.dataDir, run, artifacts, clock });
    return dockerTarget({
      ...rest,
      ...(dockerHost === undefined ? {} : { dockerHost }),
      repo,
      artifacts,
      clock,
    });
  }

  /** Null, or why a repository whose file says this could not go back from its releases, so that people must stand by. */
  cannotGoBack(repo: RepoName, config: DeployConfig): string | null {
    const run = { config, secrets: {}, replicas: 1 };
    return config.target === 'git' ? null : this.target(repo, run).cannotGoBack(run);
  }

  /** The same fence again resumes the same deploy. `attended`: two people allowed it, knowing that it cannot go back. */
  async deploy(repo: RepoName, id: ReleaseId, fence: number, attended: boolean): Promise<DeployResult> {
    const { trail, world, clock } = this.#deps;
    await world.reached(await trail.head());
    const { live } = world.target(repo);
    const journal = new TargetJournal(trail, repo);
    const wanted = await this.#known(id);
    const before = live === null ? null : await this.#known(live);
    const moved = before !== null && before.run.config.target !== wanted.run.config.target;
    if (moved && !attended) return { ...movedTarget(repo, before.run, wanted.run), release: id, live };
    const result = await deploy(this.target(repo, wanted.run), {
      release: wanted.ref,
      run: wanted.run,
      live: moved ? null : (before?.ref ?? null),
      fence,
      journal,
      clock,
      attended,
      seen: (judged) => journal.judged(id, fence, judged),
    });
    if (result.kind === 'promoted' && live !== id)
      await journal.released(id, result.previous, fence, 'deploy', wanted.artifact, 'promoted');
    return result;
  }

  async rollback(repo: RepoName, to: ReleaseId, fence: number, reason: string): Promise<RollbackResult> {
    const { trail, world, clock } = this.#deps;
    const journal = new TargetJournal(trail, repo);
    const wanted = await this.#known(to);
    const from = world.target(repo).live;
    const left = from === null ? null : await this.#known(from);
    // The commands that brought the present release there are those that take it back.
    const by = left?.run.config.target === wanted.run.config.target ? left.run : wanted.run;
    const result = await rollback(this.target(repo, by), {
      to: wanted.ref,
      run: wanted.run,
      fence,
      journal,
      clock,
    });
    if (result.kind === 'switched')
      await journal.released(to, from, fence, 'rollback', wanted.artifact, reason);
    return result;
  }

  /** At start: every target that has a live release gets its proxy back, with its weights. Null, or why it could not be. */
  async ensure(repo: RepoName): Promise<string | null> {
    const { live } = this.#deps.world.target(repo);
    if (live === null) return null;
    const { run } = await this.#known(live);
    const failure = await this.target(repo, run).ensureProxy(run);
    return failure.kind === 'failed' ? failure.reason : null;
  }

  /** At start: removes what stands on this engine of targets that the trail does not know. */
  async reap(): Promise<void> {
    const { place, world } = this.#deps;
    const keep = [...world.targets.keys()];
    await reapOrphans({
      factory: place.factory,
      keep,
      ...(place.dockerHost === undefined ? {} : { dockerHost: place.dockerHost }),
    });
  }

  /** Where people reach the service, or null while none is deployed. */
  async address(repo: RepoName): Promise<string | null> {
    const { live } = this.#deps.world.target(repo);
    if (live === null) return null;
    const { run } = await this.#known(live);
    return run.config.expose === undefined ? null : `http://127.0.0.1:${run.config.expose}`;
  }

  async #known(id: ReleaseId): Promise<{ ref: ReleaseRef; run: RunAs; artifact: Digest }> {
    const info = this.#deps.world.releases.get(id);
    if (!info) throw terminal('no-such-release', `there is no release ${id}`);
    const release = await getJson(this.#deps.artifacts, Release, info.artifact);
    const config = await this.#config(info.run);
    const secrets: Record<string, string> = {};
    for (const name of config.secrets) {
      const value = await this.#deps.secrets.get(info.repo, name);
      if (value !== null) secrets[name] = value;
    }
    return {
      ref: { id: release.id, layer: release.layer, image: release.image },
      run: { config, secrets, replicas: 1 },
      artifact: info.artifact,
    };
  }

  async #config(id: RunId): Promise<DeployConfig> {
    const run = this.#deps.world.run(id);
    const deploy = run ? (await getJson(this.#deps.artifacts, RepoConfig, run.config)).deploy : undefined;
    if (!deploy) throw terminal('no-deploy', 'the release has no deploy configuration');
    return deploy;
  }
}

const movedTarget = (repo: RepoName, before: RunAs, wanted: RunAs) => {
  const reason = `deploy.target of ${repo} changed from ${before.config.target} to ${wanted.config.target}: the release that serves cannot be gone back to from there, so that two people must allow it`;
  return { kind: 'failed' as const, code: 'cannot_go_back' as const, reason, evidence: reason };
};
