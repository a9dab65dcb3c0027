import type { OpenTrail, Sealer } from '@millwright/audit';
import { DriveError, retryable } from '@millwright/domain';
import type { Settings } from '../settings.ts';
import { awaited } from './witnesses.ts';

type Ports = { sealer: Sealer; settings: Settings; trail: OpenTrail };

/**
 * Nothing ships on an unsealed decision: waits until all that is on the trail by now is under a checkpoint (and cosigned, where witnesses
 * are configured). Throws a retryable 'unsealed' after `settings.sealMs`, or when aborted: the run then waits and asks again. Going back
 * never calls this, nor waits for who does: it is not to be called in a deploy lease without the lease's signal.
 */
export async function waitForCheckpoint(factory: Ports, signal?: AbortSignal): Promise<void> {
  const head = await factory.trail.head();
  const answer = await factory.sealer
    .sealed(head, { timeoutMs: factory.settings.sealMs, ...(signal ? { signal } : {}) })
    .catch((error: unknown) => {
      throw retryable('unsealed', `whether entry ${head} is sealed cannot be known now`, 5_000, error);
    });
  if (answer === 'sealed') return;
  throw retryable(
    'unsealed',
    `nothing ships on an unsealed decision (rollback does): entry ${head} is not sealed: ${await whyNot(factory.sealer, head)}`,
    5_000,
  );
}

async function whyNot(sealer: Sealer, head: number): Promise<string> {
  const state = sealer.state();
  if (state.kind === 'stopped') return 'the sealer has stopped';
  if (state.kind === 'refusing') return state.reason;
  // Another orchestrator may be the sealer: then it is the checkpoint that tells.
  const size = await sealer.latest().then(
    (latest) => latest?.size ?? 0,
    () => 0,
  );
  if (size < head) return state.kind === 'waiting' ? state.reason : 'the sealer is behind';
  const { seen, quorum } = await sealer.witnesses();
  return awaited(seen, quorum);
}

/** A wait, not a failure: the run stays where it is, however long it takes (until it expires). */
export const isAwaitingCheckpoint = (error: unknown): error is DriveError =>
  error instanceof DriveError && error.code === 'unsealed';
