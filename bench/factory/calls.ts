import { request as ask, createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseScript, startRecorded } from '@millwright/agents/recorded';

// The recorded model in this process, and what stands before it and says which calls are under way, when each
// was answered, and when each that was given up was.

export type AnsweredCall = { attempt: string; from: number; to: number };

export type WatchedModel = {
  url: string;
  underWay(): number;
  /** When each began and when its answer was whole, in milliseconds; in the order of the answers. */
  answered(): readonly AnsweredCall[];
  /** Times at which a call was aborted by who asked, in milliseconds. */
  aborted(): readonly number[];
  close(): Promise<void>;
};

/** A call says whose it is before it says anything of the conversation. */
const ATTEMPT = /"user_id":"(\w+)"/;

export async function watchModel(conversations: readonly object[]): Promise<WatchedModel> {
  const text = conversations.map((one) => JSON.stringify(one)).join('\n---\n');
  const model = await startRecorded({ conversations: parseScript(text, 'bench'), logFile: null, key: null });
  const open = new Set<ServerResponse>();
  const answered: AnsweredCall[] = [];
  const aborted: number[] = [];
  const server = createServer((request, response) => {
    const from = performance.now();
    let attempt = '';
    open.add(response);
    const { method, headers, url } = request;
    const passed = ask(new URL(url ?? '/', model.url), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    passed.once('error', () => response.destroy());
    response.once('close', () => {
      open.delete(response);
      if (response.writableFinished) {
        answered.push({ attempt, from, to: performance.now() });
        return;
      }
      aborted.push(Date.now());
      passed.destroy();
    });
    request.once('data', (part) => {
      attempt = ATTEMPT.exec(String(part))?.[1] ?? '';
    });
    request.pipe(passed);
  });
  await new Promise<void>((done, fail) => server.once('error', fail).listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    underWay: () => open.size,
    answered: () => answered,
    aborted: () => aborted,
    close: async () => {
      await new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
      });
      await model.close();
    },
  };
}
