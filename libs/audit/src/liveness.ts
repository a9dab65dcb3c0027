import { retryable } from '@millwright/domain';
import { driveError, openPool } from './connect.ts';

// A runner is alive while a session of its own holds the lock of its incarnation (gone at once when the process is killed) and beats
// (so that one which hangs or is stopped is found out after 10 s). Every beat takes the lock again if this session has not got it,
// so a session that was lost with its connection heals by itself.

/** Five beats fit into the 10 s after which an incarnation counts as dead. */
const BEAT_MS = 2_000;
/** After a lost session, or while the server has not yet noticed that our former one is gone. */
const RETRY_MS = 100;

export type Liveness = {
  /** Beats now, and resolves true once the lock is held. */
  beat(): Promise<boolean>;
  close(): Promise<void>;
};

/** Resolves when the lock is held; throws a retryable error after `withinMs` without it. */
export async function stayAlive(options: {
  url: string;
  incarnation: string;
  withinMs: number;
}): Promise<Liveness> {
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let beating: Promise<boolean> | undefined;

  const schedule = (ms: number) => {
    if (closed) return;
    clearTimeout(timer);
    // What does not heal by itself is thrown where somebody waits: at the opening and at the next claim.
    timer = setTimeout(() => beat().catch(() => false), ms);
  };
  const session = openPool(options.url, { max: 1, deadlineMs: 8_000, onclose: () => schedule(RETRY_MS) });

  const once = async (): Promise<boolean> => {
    try {
      const [row] = await session.use(
        (sql) => sql<[{ held: boolean }]>`select millwright.runner_heartbeat(${options.incarnation}) as held`,
      );
      return row.held;
    } catch (error) {
      // Not alive is the answer; claims then say so, and the next beat tries again. What cannot heal is thrown.
      if (driveError(error).disposition !== 'retryable') throw error;
      return false;
    }
  };
  const beat = (): Promise<boolean> => {
    beating ??= once()
      .then(
        (held) => {
          schedule(held ? BEAT_MS : RETRY_MS);
          return held;
        },
        (error) => {
          schedule(BEAT_MS);
          throw error;
        },
      )
      .finally(() => {
        beating = undefined;
      });
    return beating;
  };
  const close = async () => {
    closed = true;
    clearTimeout(timer);
    await session.close();
  };

  const deadline = Date.now() + options.withinMs;
  try {
    while (!(await beat())) {
      if (Date.now() > deadline)
        throw retryable('trail-unreachable', `the lock of runner ${options.incarnation} cannot be had`);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  } catch (error) {
    await close();
    throw driveError(error);
  }
  return { beat, close };
}
