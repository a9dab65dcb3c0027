import { get } from 'node:http';
import { messageOf } from '../message-of.ts';

export type Answer = { readonly ok: boolean; readonly ms: number; readonly text: string };

/** One GET on a connection of its own. `ok` is a 2xx whose head arrives within `timeoutMs`; a redirect is not followed and not ok. Never rejects. */
export const probe = (host: string, port: number, path: string, timeoutMs: number) =>
  askHttp({ host, port }, path, timeoutMs);

/** The same on a unix socket, with headers of the caller's. */
export const probeSocket = (
  socketPath: string,
  path: string,
  headers: Record<string, string>,
  timeoutMs: number,
) => askHttp({ socketPath }, path, timeoutMs, headers);

function askHttp(
  to: { host: string; port: number } | { socketPath: string },
  path: string,
  timeoutMs: number,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const start = performance.now();
  return new Promise((resolve) => {
    const end = (ok: boolean, text: string) => {
      clearTimeout(timer);
      resolve({ ok, ms: performance.now() - start, text });
      request.destroy();
    };
    const request = get({
      ...to,
      path,
      agent: false,
      headers: { host: 'localhost', 'user-agent': 'millwright-probe', ...headers },
    });
    const timer = setTimeout(() => end(false, `${path}: no answer in ${timeoutMs} ms`), timeoutMs);
    request.on('error', (error) => end(false, `${path}: ${messageOf(error)}`));
    request.on('response', (response) => {
      const status = response.statusCode ?? 0;
      const to = response.headers.location;
      end(
        status >= 200 && status < 300,
        `${path}: ${status}${to === undefined ? '' : ` redirects to ${to.slice(0, 200)}`}`,
      );
    });
  });
}
