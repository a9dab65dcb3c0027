import type { RecordedEntry } from '@millwright/domain';
import { Bell } from './bell.ts';
import { openEar } from './connect.ts';

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
  const followers = new Set<Bell>();
  const ear = openEar(url, {
    millwright_trail: () => {
      for (const bell of followers) bell.ring();
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
    const bell = new Bell();
    const ring = () => bell.ring();
    followers.add(bell);
    signal.addEventListener('abort', ring);
    try {
      for (let heard = true; !signal.aborted; heard = await bell.heard(POLL_MS)) {
        ear.ensure();
        for (;;) {
          const batch = await readAll(last, BATCH);
          const end = batch.at(-1);
          if (end === undefined || signal.aborted) break;
          // A poll that finds what no notification told of: the listener is deaf.
          if (!heard) ear.deaf();
          last = end.envelope.position;
          yield batch;
        }
      }
    } finally {
      followers.delete(bell);
      signal.removeEventListener('abort', ring);
    }
  }

  return { follow, close: ear.close };
}
