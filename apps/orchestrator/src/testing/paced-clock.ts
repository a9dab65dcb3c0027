import type { Clock } from '@millwright/domain';
import type { MemoryTarget } from '@millwright/rollback/testing';

/** True time but for whoever sleeps: that passes so many times as fast, which may be changed meanwhile. */
type PacedClock = Clock & { pace(times: number): void };

function pacedClock(): PacedClock {
  const sleepers = new Set<() => void>();
  let [ahead, since, times] = [0, Date.now(), 1];
  const now = () => Date.now() + ahead + (sleepers.size > 0 ? (Date.now() - since) * (times - 1) : 0);
  /** Before it changes who sleeps, or how fast that passes. */
  const settle = () => {
    const time = now();
    since = Date.now();
    ahead = time - since;
  };
  return {
    now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const until = now() + ms;
        let timer: NodeJS.Timeout | undefined;
        const end = (how: () => void) => {
          clearTimeout(timer);
          settle();
          sleepers.delete(aim);
          signal?.removeEventListener('abort', abort);
          how();
        };
        const abort = () => end(() => reject(signal?.reason));
        const aim = () => {
          clearTimeout(timer);
          const left = until - now();
          timer = setTimeout(() => (now() >= until ? end(resolve) : aim()), Math.max(0, left / times));
        };
        signal?.addEventListener('abort', abort);
        settle();
        sleepers.add(aim);
        aim();
      }),
    pace: (next) => {
      settle();
      times = next;
      for (const aim of sleepers) aim();
    },
  };
}

/** Longer than anything that a test does meanwhile. */
export const BAKE_MS = 60_000;
const QUICK = 600;

/** Canaries whose bakes take a tenth of a second, but for the one at the share `held`, which takes its minute. */
export type QuickCanaries = { readonly clock: PacedClock; held: number | null; quicken(): void };

export function quickCanaries(): QuickCanaries {
  const clock = pacedClock();
  const quicken = () => clock.pace(QUICK);
  quicken();
  return { clock, held: null, quicken };
}

/** Its time changes its pace with each shift of traffic. */
export function paceBy(target: MemoryTarget, canaries: QuickCanaries): void {
  target.faults.shift = (weights) => {
    const [canary] = weights.values();
    if (canary === canaries.held) canaries.clock.pace(1);
    else canaries.quicken();
    return null;
  };
}
