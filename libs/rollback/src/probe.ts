import { get } from 'node:http';
import { messageOf } from './effect.ts';

export type Answer = { readonly ok: boolean; readonly ms: number; readonly text: string };

/** One GET on a connection of its own. `ok` is a 2xx whose head arrives within `timeoutMs`; a redirect is not followed and not ok. Never rejects. */
export function probe(host: string, port: number, path: string, timeoutMs: number): Promise<Answer> {
  const start = performance.now();
  return new Promise((resolve) => {
    const end = (ok: boolean, text: string) => {
      clearTimeout(timer);
      resolve({ ok, ms: performance.now() - start, text });
      request.destroy();
    };
    const request = get({ host, port, path, agent: false, headers: { 'user-agent': 'millwright-probe' } });
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
