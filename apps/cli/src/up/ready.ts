import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 50;
const ASK_MS = 2_000;

/**
 * Asks `url` until it answers 200 to the sender, at most `timeoutMs`; ends at once when `gaveUp` aborts.
 * Any other answer is taken as "not yet": the process may be up before what it needs is.
 */
export async function answers(url: string, timeoutMs: number, gaveUp: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline && !gaveUp.aborted) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(ASK_MS) });
      await response.body?.cancel();
      if (response.ok) return true;
    } catch (error) {
      // Refused, reset, timed out: not yet. Anything else is a fault of ours.
      if (!(error instanceof TypeError) && !(error instanceof DOMException)) throw error;
    }
    await sleep(POLL_MS);
  }
  return false;
}
