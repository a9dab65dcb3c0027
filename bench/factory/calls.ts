import { request as ask, createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

// Stands before the recorded model and says which calls are under way, and when each that was given up was.

export type WatchedCalls = {
  url: string;
  underWay(): number;
  /** Times at which a call was aborted by who asked, in milliseconds. */
  aborted(): readonly number[];
  close(): Promise<void>;
};

export async function watchCalls(model: string): Promise<WatchedCalls> {
  const open = new Set<ServerResponse>();
  const aborted: number[] = [];
  const server = createServer((request, response) => {
    open.add(response);
    const { method, headers, url } = request;
    const passed = ask(new URL(url ?? '/', model), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    passed.once('error', () => response.destroy());
    response.once('close', () => {
      open.delete(response);
      if (response.writableFinished) return;
      aborted.push(Date.now());
      passed.destroy();
    });
    request.pipe(passed);
  });
  await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    underWay: () => open.size,
    aborted: () => aborted,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}
