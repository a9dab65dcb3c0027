import { type SignedCheckpoint, sizeOfNote } from '@millwright/audit';
import { type Clock, terminal } from '@millwright/domain';
import type { Logger } from 'pino';
import type { Place } from './places.ts';

/** How long one look for a newer checkpoint takes at most, and how soon after a fault there is another. */
const LOOK_MS = 5_000;

/**
 * Puts the newest checkpoint at each place, at most every `everyMs`, and never an older one in place of a newer. A place that fails is named in the log and tried again with the next
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
  // Places where nothing newer than ours is, since ours is there.
  const ours = new Set<Place>();
  /** What is there may be newer: of the same trail before an older backup of it was restored, which is what shows that it was. */
  const put = async (place: Place, { note, size, at }: SignedCheckpoint): Promise<void> => {
    if (!ours.has(place)) {
      const there = await place.latest();
      const theirs = there === null ? null : sizeOfNote(there);
      if (theirs !== null && theirs > size)
        throw terminal('older', `a checkpoint of ${theirs} entries is there, and this trail has ${size}`);
    }
    await place.put(note, size, at);
    ours.add(place);
  };
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
        await put(place, found).catch((error: unknown) =>
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
