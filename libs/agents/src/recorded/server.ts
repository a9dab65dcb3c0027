import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { apiFault, errorBody } from './errors.ts';
import { type HandlerOptions, RecordedHandler } from './handler.ts';
import type { RequestLine } from './request-log.ts';

/** The API's own bound on a request. Source: https://platform.claude.com/docs/en/api/overview#request-size-limits */
const MAX_BODY = 32 * 1024 * 1024;

export type RecordedServer = {
  /** `http://127.0.0.1:<port>`: what ANTHROPIC_BASE_URL is set to. */
  url: string;
  port: number;
  requests(): RequestLine[];
  clear(): void;
  close(): Promise<void>;
};

/**
 * Serves recorded conversations over the Messages API, on loopback where no other address is given. Port 0 takes a free one; rejects when the port is taken.
 * Routes: `POST /v1/messages`, `POST /v1/messages/count_tokens`, `GET /requests` (what was asked), `DELETE /requests`, `GET /health`.
 */
export async function startRecorded(
  options: HandlerOptions & { port?: number; host?: string },
): Promise<RecordedServer> {
  const handler = new RecordedHandler(options);
  const server = createServer((request, response) => {
    handle(handler, request, response).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      if (response.headersSent) response.destroy();
      else reply(response, 500, errorBody(apiFault('api_error', message), 'req_recorded'));
    });
  });
  await listen(server, options.port ?? 0, options.host ?? '127.0.0.1');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests: () => handler.log.all(),
    clear: () => handler.log.clear(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
}

const reply = (response: ServerResponse, status: number, body: string): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
};

async function handle(
  handler: RecordedHandler,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = new URL(request.url ?? '/', 'http://recorded').pathname;
  const route = `${request.method} ${path}`;
  if (route === 'GET /health') return reply(response, 200, '{"ok":true}');
  if (route === 'GET /requests') return reply(response, 200, JSON.stringify(handler.log.all()));
  if (route === 'DELETE /requests') {
    handler.log.clear();
    return reply(response, 200, '{"ok":true}');
  }
  const model = /^GET \/v1\/models\/(.+)$/.exec(route)?.[1];
  if (model !== undefined) return handler.model(request.headers, decodeURIComponent(model), response);
  const body = await bodyOf(request);
  if (body === null) {
    const fault = apiFault('request_too_large', 'Request exceeds the maximum size');
    return reply(response, fault.status, errorBody(fault, 'req_recorded'));
  }
  if (route === 'POST /v1/messages') return handler.messages(request.headers, body, response);
  if (route === 'POST /v1/messages/count_tokens') return handler.countTokens(request.headers, body, response);
  return reply(response, 404, errorBody(apiFault('not_found_error', 'Not found'), 'req_recorded'));
}

/** The whole body, or null when it is over the bound (the rest is read and dropped, so that the client hears the answer). */
async function bodyOf(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size <= MAX_BODY) chunks.push(chunk);
  }
  return size > MAX_BODY ? null : Buffer.concat(chunks);
}
