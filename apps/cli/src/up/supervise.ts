import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, type ChildSpec, type Ended, endOf, startChild } from './child.ts';

/** How a process that died is brought back: at once, then later and later; given up when it dies too often. */
export const RESTARTS = { delaysMs: [100, 250, 500, 1_000, 2_000], perMinute: 5 } as const;

export type Died = { name: string; ended: Ended; log: string };

export type Watcher = {
  /** A process died and comes back in `delayMs`. */
  restarting(died: Died, delayMs: number): void;
  /** A process died too often: the factory cannot go on. */
  gaveUp(died: Died, deaths: number): void;
};

export type Supervised = { spec: ChildSpec; pid(): number; stop(hurry: AbortSignal): Promise<void> };

/** The delay before the next start after `deaths` (instants, milliseconds), or null when it has died too often in the last minute. Pure. */
export function nextDelay(deaths: readonly number[], now: number): number | null {
  const recent = deaths.filter((at) => now - at < 60_000).length;
  if (recent > RESTARTS.perMinute) return null;
  return RESTARTS.delaysMs[Math.min(Math.max(recent, 1), RESTARTS.delaysMs.length) - 1] ?? 0;
}

/** Starts a process and keeps it running until `stop`. */
export function supervise(spec: ChildSpec, watcher: Watcher): Supervised {
  let wanted = true;
  let child: Child = startChild(spec);
  const stopped = new AbortController();
  const deaths: number[] = [];
  const keep = async () => {
    while (wanted) {
      const ended = await child.ended;
      if (!wanted) return;
      const now = Date.now();
      deaths.push(now);
      const died = { name: spec.name, ended, log: spec.log };
      const delay = nextDelay(deaths, now);
      if (delay === null) {
        watcher.gaveUp(died, deaths.length);
        return;
      }
      watcher.restarting(died, delay);
      await sleep(delay, undefined, { signal: stopped.signal }).catch(() => undefined);
      if (wanted) child = startChild(spec);
    }
  };
  const kept = keep();
  return {
    spec,
    pid: () => child.pid,
    stop: async (hurry) => {
      wanted = false;
      stopped.abort();
      await child.stop(hurry);
      await kept;
    },
  };
}

export { endOf };
