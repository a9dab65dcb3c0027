import { get } from 'node:http';

export type Traffic = {
  count(): { asked: number; failed: number; last: string | null };
  stop(): Promise<void>;
};

const EVERY_MS = 20;
const ASK_MS = 5_000;

/** Null when all is well, else what went wrong. */
function once(url: string): Promise<string | null> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: ASK_MS }, (response) => {
      response.resume();
      response.once('end', () =>
        resolve((response.statusCode ?? 0) < 500 ? null : `status ${response.statusCode}`),
      );
    });
    request.once('timeout', () => request.destroy(new Error('no answer within 5 s')));
    request.once('error', (error) => resolve(error.message));
  });
}

/** Asks the service fifty times a second, each over a connection of its own, while releases come and go: shoppers who do not wait. */
export function startTraffic(url: string): Traffic {
  const open = new Set<Promise<void>>();
  let asked = 0;
  let failed = 0;
  let last: string | null = null;
  const timer = setInterval(() => {
    asked += 1;
    const asking = once(url).then((wrong) => {
      if (wrong !== null) {
        failed += 1;
        last = wrong;
      }
      open.delete(asking);
    });
    open.add(asking);
  }, EVERY_MS);
  return {
    count: () => ({ asked, failed, last }),
    stop: async () => {
      clearInterval(timer);
      await Promise.all(open);
    },
  };
}
