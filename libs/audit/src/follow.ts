import type { RecordedEntry } from '@millwright/domain';
import type { Sql } from './connect.ts';

const BATCH = 500;
/** A notification may be lost with its connection; what it said is still in the table. */
const POLL_MS = 1_000;

/**
 * Entries after a position, in batches in order: first what is there, then what comes. Ends when the signal aborts. A lost connection
 * throws a retryable error: begin again after the last position seen.
 */
export async function* follow(
  sql: Sql,
  readAll: (after: number, limit: number) => Promise<RecordedEntry[]>,
  options: { after: number; signal: AbortSignal },
): AsyncGenerator<RecordedEntry[]> {
  const { signal } = options;
  let after = options.after;
  let wake: () => void = () => undefined;
  let told = false;
  const tell = () => {
    told = true;
    wake();
  };
  const listening = await sql.listen('millwright_trail', tell, tell);
  signal.addEventListener('abort', tell);
  try {
    while (!signal.aborted) {
      told = false;
      const batch = await readAll(after, BATCH);
      const last = batch.at(-1);
      if (last !== undefined) {
        after = last.envelope.position;
        yield batch;
        continue;
      }
      if (told || signal.aborted) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, POLL_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    signal.removeEventListener('abort', tell);
    await listening.unlisten();
  }
}
