import type { Clock, ReleaseId } from '@millwright/domain';
import type { Journal } from './effect.ts';
import type { Failure, ReleaseRef, RunAs } from './target.ts';

/** What is asked of a deploy. Times in milliseconds. */
export type DeployOrder = {
  readonly release: ReleaseRef;
  readonly run: RunAs;
  /** The release that serves now, as the trail has it, or null for a first deploy. It stays, warm, as the previous one. */
  readonly live: ReleaseRef | null;
  /** Grows with every deploy and rollback of the target; the same one again resumes the same deploy. */
  readonly fence: number;
  readonly journal: Journal;
  readonly clock: Clock;
  /** Aborted: traffic back, new release stopped, `rolled_back` with verdict `cancelled`. */
  readonly signal?: AbortSignal;
  /** How long a release may take to become healthy. Default 30,000. */
  readonly healthyWithinMs?: number;
  /** Images of releases kept on the target. Default 5. */
  readonly keepImages?: number;
};

export type Verdict = 'degraded' | 'inconclusive' | 'never_healthy' | 'cancelled';

export type StepSeen = { readonly percent: number; readonly ms: number; readonly reason: string };

export type DeployResult =
  | {
      kind: 'promoted';
      release: ReleaseId;
      previous: ReleaseId | null;
      rehearsalMs: number | null;
      steps: StepSeen[];
      evidence: string;
    }
  /** The old release serves (null: none did before). Nothing of the new one runs. */
  | {
      kind: 'rolled_back';
      release: ReleaseId;
      live: ReleaseId | null;
      verdict: Verdict;
      reason: string;
      /** At most 20,000 characters, secrets' values replaced. */
      evidence: string;
      /** From the verdict until the proxy had its weights back; null when the release never had traffic. */
      trafficBackMs: number | null;
      /** What undo could not do or journal. Not empty: freeze the target and tell a person. */
      troubles: readonly string[];
    }
  /** Nothing of the release ever ran with traffic, and the fault is not (shown to be) the release's. */
  | (Failure & { release: ReleaseId; live: ReleaseId | null; evidence: string })
  /** A later deploy or rollback has the target; it decides. */
  | { kind: 'fenced'; by: number };

export type RollbackOrder = {
  readonly to: ReleaseRef;
  /** As the release was run; needed when its containers are gone. */
  readonly run: RunAs;
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
    }
  /** Traffic is as it was. */
  | (Failure & { evidence: string })
  | { kind: 'never_healthy'; reason: string; evidence: string }
  | { kind: 'fenced'; by: number };
