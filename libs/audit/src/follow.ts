import { type RecordedEntry, socketHost } from '@millwright/domain';
import postgres from 'postgres';

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
  const followers = new Set<() => void>();
  const tellAll = () => {
    for (const tell of followers) tell();
  };
  let ear: postgres.Sql | undefined;

  const deaf = () => {
    ear?.end({ timeout: 0 }).catch(() => undefined); // another is opened by whoever follows next
    ear = undefined;
  };
  const listen = () => {
    if (ear !== undefined) return;
    const made = postgres(url, {
      ...socketHost(url),
      max: 1,
      fetch_types: false,
      connect_timeout: 10,
      onnotice: () => undefined,
    });
    ear = made;
    made.listen('millwright_trail', tellAll, tellAll).catch(() => {
      if (ear === made) deaf();
    });
  };

  async function* follow({
    after,
    signal,
  }: {
    after: number;
    signal: AbortSignal;
  }): AsyncGenerator<RecordedEntry[]> {
    let last = after;
    let told = false;
    let wake: () => void = () => undefined;
    const tell = () => {
      told = true;
      wake();
    };
    /** True: something was told. False: a poll's time has come. */
    const hear = () =>
      new Promise<boolean>((resolve) => {
        const timer = setTimeout(resolve, POLL_MS, false);
        wake = () => {
          clearTimeout(timer);
          resolve(true);
        };
        if (told) wake();
      });
    followers.add(tell);
    signal.addEventListener('abort', tell);
    try {
      for (let heard = true; !signal.aborted; heard = await hear()) {
        listen();
        told = false;
        for (;;) {
          const batch = await readAll(last, BATCH);
          const end = batch.at(-1);
          if (end === undefined || signal.aborted) break;
          // A poll that finds what no notification told of: the listener is deaf.
          if (!heard) deaf();
          last = end.envelope.position;
          yield batch;
        }
      }
    } finally {
      followers.delete(tell);
      signal.removeEventListener('abort', tell);
    }
  }

  return {
    follow,
    close: async () => {
      const made = ear;
      ear = undefined;
      await made?.end({ timeout: 1 });
    },
  };
}
