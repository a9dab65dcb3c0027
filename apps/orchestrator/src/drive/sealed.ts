import { DriveError, retryable } from '@millwright/domain';
import type { Factory } from './factory.ts';

/**
 * Nothing ships on an unsealed decision: waits until all that is on the trail by now is under a checkpoint (and cosigned, where witnesses
 * are configured). Throws a retryable 'unsealed' after `settings.sealMs`: the run then waits and asks again. Going back never calls this.
 */
export async function whenSealed(factory: Pick<Factory, 'trail' | 'sealer' | 'settings'>): Promise<void> {
  const head = await factory.trail.head();
  const answer = await factory.sealer
    .sealed(head, { timeoutMs: factory.settings.sealMs })
    .catch((error: unknown) => {
      throw retryable('unsealed', `whether entry ${head} is sealed cannot be known now`, 5_000, error);
    });
  if (answer === 'sealed') return;
  const state = factory.sealer.state();
  const why =
    state.kind === 'refusing' || state.kind === 'waiting'
      ? state.reason
      : state.kind === 'stopped'
        ? 'the sealer has stopped'
        : 'witnesses have not cosigned it yet';
  throw retryable(
    'unsealed',
    `nothing ships on an unsealed decision (rollback does): entry ${head} is not sealed: ${why}`,
    5_000,
  );
}

/** A wait, not a failure: the run stays where it is, however long it takes (until it expires). */
export const isUnsealed = (error: unknown): error is DriveError =>
  error instanceof DriveError && error.code === 'unsealed';
