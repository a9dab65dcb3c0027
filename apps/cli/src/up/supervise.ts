import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, type ChildSpec, type Ended, startChild } from './child.ts';
import { nextDelay, restartsPerMinute } from './restarts.ts';

type Died = { name: string; ended: Ended; log: string };

export type Watcher = {
  /** A process died and comes back in `delayMs`. */
  restarting(died: Died, delayMs: number): void;
  /** A process died too often: the factory cannot go on. */
  gaveUp(died: Died, deaths: number): void;
};

export type Supervised = { spec: ChildSpec; pid(): number; stop(hurry: AbortSignal): Promise<void> };

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
      const delay = nextDelay(deaths, now, restartsPerMinute(process.env));
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
