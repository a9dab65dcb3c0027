import type { RecordedEntry } from '@millwright/domain';
import { openPgListener } from './connect.ts';
import { WakeUp } from './wake-up.ts';

const BATCH = 500;
/** What a lost notification would have said is still in the table. */
const POLL_MS = 1_000;

export type Follow = {
  /**
   * Entries after a position, in batches in order: first what is there, then what comes. Ends when the signal aborts. A database that
   * stays away throws a retryable error: begin again after the last position seen.
   */
  follow(options: { after: number; signal: AbortSignal }): AsyncGenerator<RecordedEntry[]>;
  close(): Promise<void>;
};

/** All followers of one trail share one connection that listens, opened by the first. */
export function openFollow(
  url: string,
  readAll: (after: number, limit: number) => Promise<RecordedEntry[]>,
): Follow {
  const followers = new Set<WakeUp>();
  const listener = openPgListener(url, {
    millwright_trail: () => {
      for (const wakeUp of followers) wakeUp.wake();
    },
  });

  async function* follow({
    after,
    signal,
  }: {
    after: number;
    signal: AbortSignal;
  }): AsyncGenerator<RecordedEntry[]> {
    let last = after;
    const wakeUp = new WakeUp();
    const wake = () => wakeUp.wake();
    followers.add(wakeUp);
    signal.addEventListener('abort', wake);
    try {
      for (let heard = true; !signal.aborted; heard = await wakeUp.wait(POLL_MS)) {
        listener.listen();
        for (;;) {
          const batch = await readAll(last, BATCH);
          const end = batch.at(-1);
          if (end === undefined || signal.aborted) break;
          // A poll that finds what no notification told of: the listener has lost its connection.
          if (!heard) listener.reconnect();
          last = end.envelope.position;
          yield batch;
        }
      }
    } finally {
      followers.delete(wakeUp);
      signal.removeEventListener('abort', wake);
    }
  }

  return { follow, close: listener.close };
}
