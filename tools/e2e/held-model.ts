import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { loadScripts, type RequestLine, startRecorded } from '@millwright/agents/recorded';
import { type Script, writeScripts } from './conversations.ts';

// The recorded model behind a door that a test opens: calls come at once, or while something else happens, because the test says so.

type Fate = 'answered' | 'overloaded';

export type HeldModel = {
  readonly url: string;
  /** What becomes of each call that comes from now on; a call waits until that is known. At first, and without an argument, all are answered. */
  calls(fate?: (body: string) => Fate | Promise<Fate>): void;
  requests(): RequestLine[];
  close(): Promise<void>;
};

export async function startHeldModel(scripts: readonly Script[], key: string): Promise<HeldModel> {
  const folder = mkdtempSync(join(tmpdir(), 'millwright-held-'));
  writeScripts(folder, scripts);
  const model = await startRecorded({ conversations: loadScripts(folder), key });
  rmSync(folder, { recursive: true, force: true });
  const answers = (): Fate => 'answered';
  let fate: (body: string) => Fate | Promise<Fate> = answers;

  const pass = async (asked: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(asked);
    if (asked.url?.startsWith('/v1/messages') && (await fate(body.toString())) === 'overloaded') {
      const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
      response.writeHead(529, { 'content-type': 'application/json' }).end(JSON.stringify(error));
      return;
    }
    const { method, headers } = asked;
    const onward = httpRequest(`${model.url}${asked.url}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    // Whoever asked hears of either end as of a lost connection.
    onward.once('error', () => response.destroy());
    response.once('close', () => onward.destroy());
    onward.end(body);
  };
  const server = createServer((asked, response) => {
    pass(asked, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls: (next = answers) => {
      fate = next;
    },
    requests: () => model.requests(),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await model.close();
    },
  };
}
