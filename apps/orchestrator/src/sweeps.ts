import type { Clock } from '@millwright/domain';
import type { Store } from '@millwright/store';
import type { Logger } from 'pino';
import type { Settings } from './settings.ts';

type Ports = { clock: Clock; log: Logger; settings: Settings; store: Store };

// What somebody who died, or gave up, left in the store: money that was reserved for a call, chunks of an upload. Whoever finds it settles it;
// here it is looked for, at start and as long as the orchestrator runs.

/** A dead runner's money is free for others after so long. Milliseconds; a look without a find is one statement on an index. */
const MONEY_MS = 1_000;

/** Begins to sweep. Returns the way to stop it, which resolves when nothing is being swept. */
export function startSweeps(factory: Ports): () => Promise<void> {
  const { store, settings, log } = factory;
  const stopped = new AbortController();
  const sweeps = [
    sweep(factory, stopped.signal, MONEY_MS, async () => {
      const settled = await store.budget.settleDead();
      if (settled > 0) log.warn({ settled }, 'calls of dead runners were settled at their worst case');
    }),
    sweep(factory, stopped.signal, settings.uploadsMs, async () => {
      const chunks = await store.sweep();
      if (chunks > 0) log.info({ chunks }, 'what was left of unfinished uploads is removed');
    }),
  ];
  return async () => {
    stopped.abort();
    await Promise.all(sweeps);
  };
}

async function sweep(
  { clock, log }: Ports,
  stopped: AbortSignal,
  everyMs: number,
  work: () => Promise<void>,
): Promise<void> {
  while (!stopped.aborted) {
    await work().catch((error: unknown) => {
      if (!stopped.aborted) log.info({ err: error }, 'a sweep of the store failed; it is tried again');
    });
    const pause = Promise.withResolvers<void>();
    stopped.addEventListener('abort', () => pause.resolve(), { once: true });
    await Promise.race([clock.sleep(everyMs, stopped).catch(() => undefined), pause.promise]);
  }
}
