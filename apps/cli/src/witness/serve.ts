import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { formatSignatureLines, parseNote, parseSubmission } from '@millwright/audit/proof';
import type { WitnessFolder } from './folder.ts';
import type { Watcher } from './watch.ts';

// https://c2sp.org/tlog-witness over HTTP: logs may post checkpoints, monitors may fetch the last. No authentication: signatures are.

const MAX_BODY = 262_144;

async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const parts: Buffer[] = [];
  let bytes = 0;
  // Left open: whoever sends too much is told so, on a connection that is then closed.
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    bytes += part.length;
    if (bytes > MAX_BODY) return null;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

type Answer = { status: number; body: string; type?: string };

async function addCheckpoint(request: IncomingMessage, watcher: Watcher): Promise<Answer> {
  const body = await bodyOf(request);
  if (body === null) return { status: 413, body: 'too large\n' };
  const submission = parseSubmission(body);
  if (submission === null) return { status: 400, body: 'not a submission\n' };
  const verdict = await watcher.submit(submission, false);
  switch (verdict.kind) {
    case 'cosigned':
      return { status: 200, body: formatSignatureLines([verdict.signature]) };
    case 'conflict':
      return { status: 409, body: `${verdict.size}\n`, type: 'text/x.tlog.size' };
    case 'refused':
      return { status: verdict.status, body: `${verdict.reason}\n` };
    case 'alarm':
      return { status: 422, body: `${verdict.reason}\n` };
  }
}

/** The last cosigned checkpoint, by the hash of its origin as the specification has it, or plainly as `/checkpoint`. */
async function lastCheckpoint(path: string, folder: WitnessFolder): Promise<Answer> {
  const last = await folder.last();
  const note = last === null ? null : parseNote(last.note);
  if (last === null || note?.kind !== 'note') return { status: 404, body: 'nothing is cosigned yet\n' };
  const origin = note.note.text.split('\n')[0] ?? '';
  const hashed = `/${createHash('sha256').update(origin).digest('hex')}/checkpoint`;
  return path === '/checkpoint' || path === hashed
    ? { status: 200, body: last.note }
    : { status: 404, body: 'no such log\n' };
}

async function route(request: IncomingMessage, watcher: Watcher, folder: WitnessFolder): Promise<Answer> {
  const path = (request.url ?? '').split('?')[0] ?? '';
  if (request.method === 'POST' && path === '/add-checkpoint') return addCheckpoint(request, watcher);
  if (request.method !== 'GET') return { status: 405, body: 'GET, or POST /add-checkpoint\n' };
  if (path === '/key') return { status: 200, body: `${folder.signer.vkey}\n` };
  return lastCheckpoint(path, folder);
}

/** Serves on loopback. Resolves once it listens. */
export async function serve(options: {
  port: number;
  watcher: Watcher;
  folder: WitnessFolder;
  shout: (line: string) => void;
}): Promise<{ port: number; close(): Promise<void> }> {
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    try {
      const { status, body, type } = await route(request, options.watcher, options.folder);
      response.writeHead(status, {
        'content-type': type ?? 'text/plain; charset=utf-8',
        connection: status === 413 ? 'close' : 'keep-alive',
      });
      response.end(body);
    } catch (error) {
      options.shout(`a request failed: ${error instanceof Error ? error.message : String(error)}`);
      if (!response.headersSent) response.writeHead(500);
      response.end();
    }
  };
  const server: Server = createServer((request, response) => void answer(request, response));
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
