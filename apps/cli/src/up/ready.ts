import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 50;
const ASK_MS = 2_000;

/** One question; node:http, since `fetch` would cost the supervisor some megabytes for the rest of its life. */
function answersOnce(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { timeout: ASK_MS, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(false));
    request.once('close', () => resolve(false));
  });
}

/**
 * Asks `url` until it answers 200, at most `timeoutMs`; ends at once when `gaveUp` aborts. Any other answer, or none, is taken as "not yet": the process may be up
 * before what it needs is.
 */
export async function answers(url: string, timeoutMs: number, gaveUp: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline && !gaveUp.aborted) {
    if (await answersOnce(url)) return true;
    await sleep(POLL_MS);
  }
  return false;
}
