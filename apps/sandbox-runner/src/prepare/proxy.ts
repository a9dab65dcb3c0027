import { chmod, open } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { authority } from './registry.ts';

// What a prepare container may reach, and nothing else: it has no network at all, only this proxy's Unix socket, mounted as a file.
// So there is no address, name service, IPv6 or metadata address to block, and nothing on the host's own interfaces to protect.

export type Proxy = {
  /** Hosts that were asked for and refused, `host:port`, each once, 100 at most. */
  readonly refused: ReadonlySet<string>;
  close(): Promise<void>;
};

const MAX_CONNECTIONS = 128;
const IDLE_MS = 120_000;

/**
 * Listens on `<folder>/proxy` (by the folder's descriptor: a socket's path is limited to 107 bytes, a data folder's is not). Tunnels
 * CONNECT to exactly the `allowed` `host:port`s, and forwards plain requests to them for registries without TLS. Anything else is
 * answered 403 and told to `onRefused`. A redirect elsewhere is the client's next request, and judged like any.
 */
export async function startProxy(
  folder: string,
  allowed: ReadonlySet<string>,
  onRefused: (host: string, reason: string) => void,
): Promise<Proxy> {
  const refused = new Set<string>();
  const sockets = new Set<Duplex>();
  const refuse = (host: string, reason: string) => {
    const shown = host.slice(0, 255);
    if (refused.has(shown) || refused.size >= 100) return;
    refused.add(shown);
    onRefused(shown, reason);
  };
  const keep = (socket: Duplex) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  };

  const server = createServer((incoming, response) => forward(incoming, response));
  const forward = (incoming: IncomingMessage, response: ServerResponse) => {
    const url = URL.parse(incoming.url ?? '');
    if (url === null || url.protocol !== 'http:' || !allowed.has(authority(url))) {
      refuse(url === null ? (incoming.headers.host ?? '?') : authority(url), 'not an allowed registry');
      response.writeHead(403).end('millwright: only the package registry can be reached\n');
      return;
    }
    const outgoing = request(
      url,
      {
        method: incoming.method ?? 'GET',
        headers: { ...incoming.headers, host: url.host },
        timeout: IDLE_MS,
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  };

  server.on('connect', (incoming: IncomingMessage, client: Duplex, head: Buffer) => {
    keep(client);
    const target = parseTarget(incoming.url ?? '');
    if (target === null || !allowed.has(`${target.host}:${target.port}`)) {
      refuse(
        target === null ? (incoming.url ?? '?') : `${target.host}:${target.port}`,
        'not an allowed registry',
      );
      client.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n');
      return;
    }
    const upstream: Socket = connect(target.port, target.host, () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(client);
      client.pipe(upstream);
    });
    keep(upstream);
    upstream.setTimeout(IDLE_MS, () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });
  server.on('connection', (socket: Socket) => keep(socket));
  server.on('clientError', (_error, socket) => socket.destroy());
  server.maxConnections = MAX_CONNECTIONS;

  const directory = await open(folder);
  const path = `/proc/self/fd/${directory.fd}/proxy`;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  await chmod(path, 0o666);
  return {
    refused,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await directory.close();
    },
  };
}

/** `host:port` of a CONNECT request, as RFC 9112 section 3.2.3 has it; null for anything else. Pure. */
export function parseTarget(text: string): { host: string; port: number } | null {
  const match = /^([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port < 1 || port > 65_535) return null;
  return { host: match[1].toLowerCase(), port };
}
