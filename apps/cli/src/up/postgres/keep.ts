import { setTimeout as sleep } from 'node:timers/promises';
import { Fail } from '../../fail.ts';
import { nextDelay } from '../restarts.ts';
import { type ClusterOptions, serverPid, startCluster } from './cluster.ts';

const LOOK_MS = 500;

export type DatabaseWatcher = {
  /** The server died and is back on its port. */
  restarted(): void;
  /** It dies too often, or cannot be started again. */
  gaveUp(why: string): void;
};

/**
 * Brings the server back on the same port when it dies (it is a daemon, not our child, so it is looked at). Connections are lost, as in any restart of a database; what was
 * committed is not. `stop` ends the watching, not the server.
 */
export function keepCluster(
  options: ClusterOptions,
  port: number,
  watcher: DatabaseWatcher,
): { stop(): Promise<void> } {
  const stopped = new AbortController();
  const deaths: number[] = [];
  const watching = (async () => {
    while (!stopped.signal.aborted) {
      await sleep(LOOK_MS, undefined, { signal: stopped.signal }).catch(() => undefined);
      if (stopped.signal.aborted || serverPid(options) !== null) continue;
      const now = Date.now();
      deaths.push(now);
      const delay = nextDelay(deaths, now);
      if (delay === null) return watcher.gaveUp('it died too often within a minute');
      try {
        await startCluster({ ...options, port });
        watcher.restarted();
      } catch (error) {
        // Backends of the dead server may hold its shared memory for a moment: tried again, a bounded number of times.
        if (!(error instanceof Fail)) throw error;
        if (nextDelay([...deaths, now], now) === null) return watcher.gaveUp(error.message);
        await sleep(delay);
      }
    }
  })();
  return {
    stop: async () => {
      stopped.abort();
      await watching;
    },
  };
}
