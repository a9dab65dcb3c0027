import type { Clock, ReleaseId } from '@millwright/domain';
import type { Check, SmokeRun } from '../canary/checks.ts';
import type { Judgement } from '../canary/judge.ts';
import type { Steering } from '../canary/watch.ts';
import type { Failure } from '../outcome.ts';
import type { Retention } from '../targets/retention.ts';
import type { ReleaseRef, RunConfig } from '../targets/target.ts';
import type { Journal } from './effect.ts';
import type { Stuck, Verification } from './verify.ts';

/**
 * The signal's reason where a deploy is to stop for now and not for good (a halt, a freeze, the end of the factory): traffic goes back, the release
 * is not given up, and the same order again begins its canary anew. Any other reason takes the release back.
 */
export class Hold extends Error {
  override readonly name = 'Hold';
}

/** What is asked of a deploy, of preparing it, and of rehearsing its undo. Times in milliseconds. */
export type DeployOrder = {
  readonly release: ReleaseRef;
  readonly run: RunConfig;
  /** The release that serves now, as the trail has it, or null for a first deploy. It stays, warm, as the previous one. */
  readonly live: ReleaseRef | null;
  /** Grows with every deploy and rollback of the target; the same one again resumes the same deploy. */
  readonly fence: number;
  /** The fence that this deploy was begun under, where another process goes on with it under a higher one. Default `fence`. */
  readonly began?: number;
  readonly journal: Journal;
  readonly clock: Clock;
  /** Aborted: traffic back at once, new release stopped, `rolled_back` with verdict `cancelled`; by a `Hold`: `held`. */
  readonly signal?: AbortSignal;
  readonly steering?: Steering;
  /** Told when a share of traffic has been given, before it is watched. */
  readonly shifted?: (percent: number) => Promise<void>;
  /** How long a release may take to become healthy. Default 30,000. */
  readonly healthyWithinMs?: number;
  /** Besides those of the configuration's `checks`. */
  readonly checks?: readonly Check[];
  /** Runs the configuration's `smoke` commands; the target's own way unless told. */
  readonly smoke?: SmokeRun;
  /** Told each step's verdict, and when a step pauses because it cannot be judged. What it throws is evidence, and stops nothing. */
  readonly seen?: (judged: Judged) => Promise<void>;
  /** How many bakes a step may take before it is given up as inconclusive, where `canary.wait` does not say. Default 3. */
  readonly maxBakes?: number;
  /**
   * Asked before the release gets all traffic. What it throws ends the deploy as an engine's fault would: the live release serves, and the
   * same order again goes on.
   */
  readonly beforePromotion?: () => Promise<void>;
  /** People allowed it knowing that it cannot be undone: a target that cannot go back is not refused, nor an undo that fails its rehearsal. Default false. */
  readonly attended?: boolean;
};

export type Verdict = 'degraded' | 'inconclusive' | 'never_healthy' | 'cancelled';

/** A verdict as it is reached. `until`: a pause, and the instant at which traffic goes back unless `needs` is met. */
export type Judged = {
  readonly percent: number;
  readonly verdict: Judgement['kind'];
  readonly reason: string;
  readonly needs: string | null;
  readonly until: number | null;
};

export type StepSeen = { readonly percent: number; readonly ms: number; readonly reason: string };

/** The old release serves (null: none did before). Nothing of the new one runs, unless `stuck` says otherwise. */
export type RolledBack = {
  kind: 'rolled_back';
  release: ReleaseId;
  live: ReleaseId | null;
  verdict: Verdict;
  reason: string;
  /** What would have settled an inconclusive verdict; null else. */
  needs: string | null;
  /** At most 20,000 characters, secrets' values replaced. */
  evidence: string;
  /** From the verdict until the proxy had its weights back; null when the release never had traffic. */
  trafficBackMs: number | null;
  /** What undo could not do or journal. Not empty: freeze the target and tell a person. */
  troubles: readonly string[];
  /** Whether the old release was seen to serve as before; null where none did. */
  verified: Verification | null;
  /** Going back itself failed: freeze the target, page, and show `what`. */
  stuck: Stuck | null;
};

/** Nothing of the release has traffic; it may run on. The same order again goes on. `stuck`: traffic could not be sent back. */
export type HeldBack = {
  kind: 'held';
  release: ReleaseId;
  live: ReleaseId | null;
  reason: string;
  trafficBackMs: number | null;
  troubles: readonly string[];
  stuck: Stuck | null;
};

/** Nothing of the release has traffic, and the fault is not (shown to be) the release's. */
export type NotDeployed = Failure & {
  release: ReleaseId;
  live: ReleaseId | null;
  evidence: string;
  stuck?: Stuck | null;
};

export type DeployResult =
  | {
      kind: 'promoted';
      release: ReleaseId;
      previous: ReleaseId | null;
      rehearsalMs: number | null;
      steps: StepSeen[];
      evidence: string;
    }
  | RolledBack
  | NotDeployed
  | HeldBack
  /** A later deploy or rollback has the target; it decides. */
  | { kind: 'fenced'; by: number };

export type PrepareResult =
  /** It runs, healthy, without traffic. `ms` is what it took to become healthy. */
  | { kind: 'prepared'; release: ReleaseId; ms: number }
  | RolledBack
  | NotDeployed
  | HeldBack
  | { kind: 'fenced'; by: number };

/** Whether undo works, shown and not supposed. `to`: who serves after it; null when nobody did before. */
export type Rehearsal =
  | { readonly possible: true; readonly ms: number; readonly to: ReleaseId | null }
  /** `fault`: `release` when it is the new release that does not answer, `undo` for everything else. */
  | { readonly possible: false; readonly reason: string; readonly fault: 'release' | 'undo' };

/** After a deploy: what is stopped, and which images go. */
export type RetireOrder = Pick<DeployOrder, 'fence' | 'journal'> & {
  /** The one that came to serve, under `fence`. */
  readonly release: ReleaseId;
  readonly keep: readonly ReleaseId[];
  /** Images of releases kept on the target. Default `RETENTION`. */
  readonly retention?: Retention;
};

export type RollbackOrder = {
  readonly to: ReleaseRef;
  /** As the release was run; needed when its containers are gone. */
  readonly run: RunConfig;
  readonly fence: number;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly healthyWithinMs?: number;
};

export type RollbackResult =
  /** `ms`: from the call until the proxy had its weights; stopping what served before comes after. */
  | {
      kind: 'switched';
      to: ReleaseId;
      from: readonly ReleaseId[];
      ms: number;
      warm: boolean;
      troubles: readonly string[];
      verified: Verification;
    }
  /** Traffic is as it was. `stuck`: it could not be sent back, and a person must act. */
  | (Failure & { evidence: string; stuck: Stuck | null })
  | { kind: 'never_healthy'; reason: string; evidence: string; stuck: Stuck | null }
  | { kind: 'fenced'; by: number };
