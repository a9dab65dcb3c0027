import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Document } from 'yaml';
import { factsOf } from './choose.ts';
import { checkBody } from './validate.ts';
import { isRecord, ROLE_OF_SUBMIT, roleOf, textOf, turnOf } from './wire.ts';

// Passes requests on to a real endpoint, answers with what it says, byte by byte, and keeps the conversations as a script.

type RecordedTurn = {
  say?: string;
  tools: Record<string, unknown>[];
  usage: { input: number; output: number };
};
type Recording = { role: string; when: Record<string, unknown>; turns: RecordedTurn[] };

export type RecorderOptions = { file: string; upstream: string; apiKey: string | null; port: number };

/** Listens on loopback. The file is written anew after every answer, so that stopping at any time keeps what there is. */
export async function startRecorder(
  options: RecorderOptions,
): Promise<{ url: string; close(): Promise<void> }> {
  if (!URL.canParse(options.upstream)) throw new Error(`--upstream ${options.upstream} is not a URL`);
  const recordings = new Map<string, Recording>();
  const server = createServer((request, response) => {
    pass(request, response, options, recordings).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(502, { 'content-type': 'application/json' });
      const message = `upstream ${new URL(options.upstream).origin}: ${error instanceof Error ? error.message : String(error)}`;
      response.end(JSON.stringify({ type: 'error', error: { type: 'api_error', message } }));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', () => resolve());
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const PASSED_ON = ['anthropic-version', 'anthropic-beta', 'x-api-key', 'authorization'] as const;

async function pass(
  request: IncomingMessage,
  response: ServerResponse,
  options: RecorderOptions,
  recordings: Map<string, Recording>,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  for (const name of PASSED_ON) {
    const value = request.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  if (options.apiKey !== null) {
    headers['x-api-key'] = options.apiKey;
    delete headers.authorization;
  }
  const sent = Buffer.concat(chunks);
  const upstream = await fetch(`${options.upstream.replace(/\/+$/, '')}${request.url ?? '/'}`, {
    method: request.method ?? 'POST',
    headers,
    ...(sent.byteLength > 0 ? { body: new Uint8Array(sent) } : {}),
  });
  response.writeHead(upstream.status, {
    'content-type': upstream.headers.get('content-type') ?? 'application/json',
    ...(upstream.headers.has('retry-after')
      ? { 'retry-after': upstream.headers.get('retry-after') ?? '' }
      : {}),
  });
  let received = '';
  const decoder = new TextDecoder();
  for await (const chunk of upstream.body ?? []) {
    response.write(chunk);
    received += decoder.decode(chunk as Uint8Array, { stream: true });
  }
  response.end();
  const path = new URL(request.url ?? '/', 'http://recorder').pathname;
  if (upstream.ok && path === '/v1/messages') keep(sent, received, options.file, recordings);
}

function keep(sent: Buffer, received: string, file: string, recordings: Map<string, Recording>): void {
  const checked = checkBody(JSON.parse(sent.toString('utf8')), () => true);
  const turn = received.startsWith('{') ? turnOfMessage(JSON.parse(received)) : turnOfStream(received);
  if (checked.kind === 'invalid' || turn === null) return;
  const { request } = checked;
  const role = roleOf(request);
  if (role === null) return;
  const prompt = textOf(request.messages[0]?.content ?? []);
  const key = `${role}\n${request.user ?? ''}\n${prompt}`;
  const recording = recordings.get(key) ?? { role, when: whenOf(prompt), turns: [] };
  recording.turns[turnOf(request)] = turn;
  recordings.set(key, recording);
  const documents = [...recordings.values()].map((one) =>
    new Document({ ...one, turns: one.turns.filter((each) => each !== undefined) }).toString({
      lineWidth: 0,
    }),
  );
  writeFileSync(file, documents.join('---\n'));
}

function whenOf(prompt: string): Record<string, unknown> {
  const { title, task, attempt } = factsOf(prompt);
  return { title: `^${title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`, task, attempt };
}

type Piece = { type: string; name: string; text: string };

/** The turn of a whole streamed answer; null when it did not end well. */
function turnOfStream(text: string): RecordedTurn | null {
  const pieces: Piece[] = [];
  const usage = { input: 0, output: 0 };
  let ended = false;
  for (const line of text.split('\n')) {
    if (!line.startsWith('data: ')) continue;
    const event: unknown = JSON.parse(line.slice(6));
    if (!isRecord(event)) continue;
    const index = Number(event.index);
    const { content_block: block, delta, message } = event;
    if (event.type === 'content_block_start' && isRecord(block))
      pieces[index] = {
        type: String(block.type),
        name: String(block.name ?? ''),
        text: String(block.text ?? ''),
      };
    const piece = pieces[index];
    if (event.type === 'content_block_delta' && isRecord(delta) && piece !== undefined)
      piece.text += String(delta.text ?? delta.partial_json ?? '');
    count(usage, isRecord(message) ? message.usage : event.usage);
    if (event.type === 'message_stop') ended = true;
  }
  if (!ended) return null;
  return turnOfPieces(
    pieces.map((piece) =>
      piece.type === 'tool_use'
        ? { type: 'tool_use', name: piece.name, input: JSON.parse(piece.text || '{}') }
        : { type: piece.type, text: piece.text },
    ),
    usage,
  );
}

function turnOfMessage(message: unknown): RecordedTurn | null {
  if (!isRecord(message) || !Array.isArray(message.content)) return null;
  const usage = { input: 0, output: 0 };
  count(usage, message.usage);
  return turnOfPieces(message.content.filter(isRecord), usage);
}

function count(usage: { input: number; output: number }, given: unknown): void {
  if (!isRecord(given)) return;
  const input = ['input_tokens', 'cache_read_input_tokens', 'cache_creation_input_tokens']
    .map((key) => Number(given[key] ?? 0))
    .reduce((sum, value) => sum + value, 0);
  if (input > 0) usage.input = input;
  usage.output = Number(given.output_tokens ?? usage.output);
}

/** Thinking is left out: it is signed for one model and one conversation. */
function turnOfPieces(
  blocks: readonly Record<string, unknown>[],
  usage: RecordedTurn['usage'],
): RecordedTurn {
  const say = blocks
    .filter((block) => block.type === 'text')
    .map((block) => String(block.text))
    .join('\n');
  const tools = blocks
    .filter((block) => block.type === 'tool_use')
    .map((block) => toolOf(String(block.name), block.input));
  return { ...(say.trim() === '' ? {} : { say }), tools, usage };
}

function toolOf(name: string, input: unknown): Record<string, unknown> {
  const command = isRecord(input) ? input.command : undefined;
  if (name === 'bash' && typeof command === 'string') return { bash: command };
  if (name === 'str_replace_based_edit_tool') return { edit: input };
  if (Object.hasOwn(ROLE_OF_SUBMIT, name)) return { submit: input };
  return { call: { name, input } };
}
