import type { Clock } from '@millwright/domain';

/** Longer between two asks than anything here takes: then the clock was set, and did not run. Milliseconds. */
const MOST_MS = 300_000;

/**
 * Milliseconds since it was made, by a clock that people or NTP may set meanwhile: a step back counts nothing, nor does one forward of more than
 * five minutes between two asks. To be asked often.
 */
export function elapsed(clock: Clock): () => number {
  let [last, sum] = [clock.now(), 0];
  return () => {
    const now = clock.now();
    const step = now - last;
    last = now;
    if (step > 0 && step <= MOST_MS) sum += step;
    return sum;
  };
}
