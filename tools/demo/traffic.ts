import { connect } from 'node:net';

export type Traffic = {
  count(): { asked: number; failed: number; last: string | null };
  stop(): Promise<void>;
};

/** Twenty times a second: shoppers shall be seen, and not take the machine from what they watch. */
const EVERY_MS = 50;
const ASK_MS = 5_000;

/** Null when all is well, else what went wrong. A bare socket: Node's own client takes three times the processor's time, thousands of times. */
function once({ hostname, port, pathname }: URL): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port), timeout: ASK_MS });
    let said = '';
    socket.setEncoding('latin1').on('data', (part: string) => {
      said += part;
    });
    socket.once('timeout', () => socket.destroy(new Error('no answer within 5 s')));
    socket.once('error', (error) => resolve(error.message));
    socket.once('close', () => resolve(wrongWith(said)));
    socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: close\r\n\r\n`);
  });
}

/** A whole answer has a status, and as many bytes as it says. */
function wrongWith(answer: string): string | null {
  const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(answer)?.[1]);
  if (!(status < 500)) return Number.isNaN(status) ? 'no answer' : `status ${status}`;
  const head = answer.indexOf('\r\n\r\n');
  const length = /^content-length: *(\d+)\r$/im.exec(answer.slice(0, head + 1))?.[1];
  const bytes = answer.length - head - 4;
  return length === undefined || bytes >= Number(length) ? null : `an answer of ${bytes} of ${length} bytes`;
}

/** Asks the service twenty times a second, each over a connection of its own, while releases come and go: shoppers who do not wait. */
export function startTraffic(url: string): Traffic {
  const address = new URL(url);
  const open = new Set<Promise<void>>();
  let asked = 0;
  let failed = 0;
  let last: string | null = null;
  const timer = setInterval(() => {
    asked += 1;
    const asking = once(address).then((wrong) => {
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
