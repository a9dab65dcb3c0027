import type { DeployConfig, Digest, ReleaseId, RepoName } from '@millwright/domain';
import type { Done, Failure } from '../outcome.ts';
import type { RequestFeed } from '../proxy/log.ts';
import type { Counters } from '../proxy/stats.ts';
import type { Answer } from './probe.ts';
import type { Retention } from './retention.ts';

// The port that every target keeps. Invariants, cited where they are kept:
//   T1  Nothing is trusted from memory: `state` is read from the target each time.
//   T2  Every method is idempotent: asking twice is asking once, so that a killed deploy converges by being run again.
//   T3  `shift` never leaves a moment without a serving release when one served before and one is asked for.
//   T4  A fence lower than the highest one seen is refused, before anything is touched.

/** What a target needs to know of a release; the `Release` artifact fits. */
export type ReleaseRef = { readonly id: ReleaseId; readonly layer: Digest; readonly image: string };

/** How a release is run: the repository's own file as of that release, and the secrets' values by name. */
export type RunConfig = {
  readonly config: DeployConfig;
  readonly secrets: Readonly<Record<string, string>>;
  /** Containers of one release; 1 unless told. */
  readonly replicas: number;
};

/** Somebody with a higher fence has the target: stop at once and leave everything as it is to them. */
export class Fenced extends Error {
  readonly by: number;
  constructor(by: number) {
    super('a later deploy or rollback took the target');
    this.name = 'Fenced';
    this.by = by;
  }
}

/** Share of traffic in percent, 0–100. A release that is not named gets none. */
export type Weights = ReadonlyMap<ReleaseId, number>;

/** One answer to an active health probe. `ok` is a 2xx within the time limit; a redirect is not. */
export type Probe = {
  readonly replica: string;
  readonly ok: boolean;
  readonly ms: number;
  readonly text: string;
};

/** How a smoke command ended; `output` is the end of what it said. */
export type Smoked = { readonly exitCode: number; readonly output: string };

type Replica = {
  readonly name: string;
  readonly container: string;
  readonly running: boolean;
  /** What runs is what was made of the release's checked bytes, whatever its name and labels say. */
  readonly genuine: boolean;
  readonly restarts: number;
  readonly exitCode: number | null;
  readonly address: string | null;
  /** Weight in the proxy now, 0–256; null when the proxy does not know it. */
  readonly weight: number | null;
};

type ReleaseState = {
  readonly id: ReleaseId;
  readonly layer: string;
  readonly replicas: readonly Replica[];
};

export type TargetState = {
  readonly fence: number;
  /** A release that the deploy of this fence gave up: run again, it goes on going back, and never forward. */
  readonly condemned: ReleaseId | null;
  readonly proxy: 'up' | 'down' | 'absent';
  readonly releases: readonly ReleaseState[];
  /** Releases that get traffic now, with their share in percent. */
  readonly serving: ReadonlyMap<ReleaseId, number>;
};

export interface Target {
  readonly name: RepoName;
  /** Whether traffic can be shared between releases; where it cannot, a canary has one step, 100 %. */
  readonly weighted: boolean;
  /** Whether it has figures of requests at all. */
  readonly measures: boolean;
  /** Null, or why it could not go back from a release run like this. */
  cannotGoBack(run: RunConfig): string | null;
  /**
   * Takes the target for `fence`, or says who has it. The same fence again is taken again. `began`: the fence that this deploy was begun
   * under, lower than `fence` where another process goes on with it; what it gave up since then stays given up.
   */
  fence(fence: number, began?: number): Promise<{ kind: 'taken' } | { kind: 'fenced'; by: number }>;
  /** The proxy listens at the address users have, with the traffic it had before. */
  ensureProxy(run: RunConfig): Promise<Done | Failure>;
  /** Whether `materialise` and `start` could bring it back: its image is there, or can be made. Touches nothing. */
  available(release: ReleaseRef): Promise<Done | Failure>;
  /** Layer and base image are an image on the target: that very one is there still, or it is made anew of bytes checked against their digest. */
  materialise(release: ReleaseRef): Promise<Done | Failure>;
  /** The release runs, without traffic; whatever runs under its name and is not it is replaced. */
  start(release: ReleaseRef, run: RunConfig): Promise<Done | Failure>;
  /** Asks each running replica once. Empty when none runs. */
  probe(release: ReleaseId, timeoutMs: number): Promise<readonly Probe[]>;
  /**
   * Traffic goes as `weights` says; releases named with 0 stay known to the proxy. `condemn` marks a release as given up, in the same
   * durable write, and sends traffic to the addresses on record at once: shifted again without it, those that changed are corrected. Throws `Fenced` when a higher fence came since, as `stop` and `retire` do.
   */
  shift(weights: Weights, fence: number, condemn?: ReleaseId): Promise<Done | Failure>;
  /** Null when the proxy cannot be asked: missing data, never zero. */
  counters(): Promise<ReadonlyMap<ReleaseId, Counters> | null>;
  /** What is answered from now on, by release; null when the target has no log of requests. To be closed. */
  requests(): RequestFeed | null;
  /** One GET of a path of that release, on the way that users' requests take, whatever its share. `path` null: its health path. */
  ask(release: ReleaseId, path: string | null, timeoutMs: number): Promise<Answer>;
  /**
   * Runs the repository's smoke command beside that release, without its secrets; null when it cannot be run, which says nothing about the
   * release. Bounded by `timeoutMs`, ended when `signal` aborts.
   */
  smoke(release: ReleaseId, command: string, timeoutMs: number, signal: AbortSignal): Promise<Smoked | null>;
  state(): Promise<TargetState>;
  /** Starts replicas anew that run, but do not answer. */
  restart(release: ReleaseId, fence: number): Promise<void>;
  /** The end of what the release said, `maxBytes` at most. */
  logs(release: ReleaseId, maxBytes: number): Promise<string>;
  /** Waits for running requests (bounded), then the release is gone from proxy and engine; its image stays. */
  stop(release: ReleaseId, fence: number): Promise<void>;
  /** Stops every release but `keep`, and removes the images that `retention` keeps no more. */
  retire(keep: readonly ReleaseId[], retention: Retention, fence: number): Promise<void>;
  /** Leaves no container, network or proxy; volumes and images too when `data` is true. */
  remove(data: boolean): Promise<void>;
}
