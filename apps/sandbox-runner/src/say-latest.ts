import type { AttemptId } from '@millwright/domain';
import type { Logger } from 'pino';

/** How often at most one attempt's word goes out: what comes meanwhile is replaced by what comes after it. */
const EVERY_MS = 500;

/** Sends each attempt's latest word, at most twice a second, one at a time; null at once. A word that does not get through is lost. */
export function sayLatest(
  send: (attempt: AttemptId, text: string | null) => Promise<void>,
  log: Pick<Logger, 'debug'>,
): (attempt: AttemptId, text: string | null) => void {
  const waiting = new Map<AttemptId, string | null>();
  const busy = new Set<AttemptId>();
  const flush = async (attempt: AttemptId): Promise<void> => {
    if (busy.has(attempt)) return;
    busy.add(attempt);
    while (waiting.has(attempt)) {
      const text = waiting.get(attempt) ?? null;
      waiting.delete(attempt);
      await send(attempt, text).catch((error: unknown) =>
        log.debug({ err: error, attempt }, 'a word was lost'),
      );
      if (text !== null) await new Promise((resolve) => setTimeout(resolve, EVERY_MS).unref());
    }
    busy.delete(attempt);
  };
  return (attempt, text) => {
    waiting.set(attempt, text);
    void flush(attempt);
  };
}
