import type { SignedCheckpoint } from '@millwright/audit';
import type { Clock } from '@millwright/domain';
import type { Logger } from 'pino';
import type { Place } from './places.ts';

/** How long one look for a newer checkpoint takes at most, and how soon after a fault there is another. */
const LOOK_MS = 5_000;

/**
 * Puts the newest checkpoint at each place, at most every `everyMs`. A place that fails is named in the log and tried again with the next
 * checkpoint: publishing is for others to notice with, nothing waits for it.
 */
export function publish(parts: {
  checkpoints: () => { after(size: number, timeoutMs: number): Promise<SignedCheckpoint | null> };
  places: readonly Place[];
  everyMs: number;
  clock: Clock;
  log: Pick<Logger, 'warn'>;
}): { stop(): Promise<void> } {
  const { checkpoints, places, everyMs, clock, log } = parts;
  const stop = new AbortController();
  const pause = (ms: number) => clock.sleep(ms, stop.signal).catch(() => undefined); // stopped
  const run = async (): Promise<void> => {
    for (let published = 0; !stop.signal.aborted; ) {
      const found = await checkpoints()
        .after(published, LOOK_MS)
        .catch((error: unknown) => void log.warn({ err: error }, 'there is no checkpoint to be had now'));
      if (!found) {
        await pause(LOOK_MS / 10);
        continue;
      }
      for (const place of places)
        await place
          .put(found.note, found.size, found.at)
          .catch((error: unknown) =>
            log.warn({ err: error, place: place.name }, 'a checkpoint could not be published'),
          );
      published = found.size;
      await pause(everyMs);
    }
  };
  const running = places.length === 0 ? Promise.resolve() : run();
  return {
    stop: () => {
      stop.abort();
      return running;
    },
  };
}
