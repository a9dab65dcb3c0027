import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runRole } from '@millwright/agents';
import { harness } from '@millwright/agents/testing';
import { type Row, single } from '../row.ts';

// What is sent to a model for the same fix of three calls (look, change, hand in) by an implementer of ours and by three other tools, each against
// a server on loopback that gives the same answers. Bytes of the requests' bodies / 4; what a tool asks besides (a title) counts.

const LOOK = 'cat src/sum.js';
const CHANGE = "printf 'exports.times = (a, b) => a * b;\\n' >> src/sum.js";
const STEPS = [LOOK, CHANGE];
const FILES = { 'src/sum.js': 'exports.add = (a, b) => a + b;\n', 'package.json': '{"name":"sum"}\n' };
const ASKED = 'Add times to src/sum.js';
/** One that every tool knows by name; nobody answers as it. */
const MODEL = 'claude-sonnet-4-5';
const TOOL_MS = 120_000;
const INSTALL_MS = 300_000;

type Tool = {
  name: string;
  package: string;
  bin: string;
  args: string[];
  files(url: string): Record<string, object>;
};
const TOOLS: readonly Tool[] = [
  {
    name: 'pi',
    package: '@mariozechner/pi-coding-agent@0.73.1',
    bin: '.bin/pi',
    args: ['-p', '--provider', 'anthropic', '--model', MODEL, ASKED],
    files: (url) => ({ '.pi/agent/models.json': { providers: { anthropic: { baseUrl: url } } } }),
  },
  {
    name: 'opencode',
    package: 'opencode-ai@1.18.33',
    bin: `opencode-${process.platform}-${process.arch}/bin/opencode`,
    args: ['run', '--model', `anthropic/${MODEL}`, ASKED],
    files: (url) => ({
      '.config/opencode/opencode.json': {
        provider: { anthropic: { options: { baseURL: `${url}/v1`, apiKey: 'k' } } },
        autoupdate: false,
      },
    }),
  },
  {
    name: 'claude-code',
    package: '@anthropic-ai/claude-code@2.1.332',
    bin: `@anthropic-ai/claude-code-${process.platform}-${process.arch}/claude`,
    args: ['-p', '--allowedTools', 'Bash', '--model', MODEL, ASKED],
    files: () => ({}),
  },
];

/** Of a request, what the answer depends on. */
type Asked = {
  model: string;
  tools?: { name: string }[];
  messages: { content: string | { type: string }[] }[];
};

/** The events of an answer that calls `bash` with a command, or says that it is done. */
function* answer(model: string, call: { name: string; command: string } | null): Generator<{ type: string }> {
  const usage = { input_tokens: 10, output_tokens: 5 };
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model, content: [], usage };
  yield { type: 'message_start', ...{ message: { ...message, stop_reason: null, stop_sequence: null } } };
  const block =
    call === null
      ? { type: 'text', text: '' }
      : { type: 'tool_use', id: `toolu_${call.command.length}`, name: call.name, input: {} };
  yield { type: 'content_block_start', ...{ index: 0, content_block: block } };
  const delta =
    call === null
      ? { type: 'text_delta', text: 'Done.' }
      : {
          type: 'input_json_delta',
          partial_json: JSON.stringify({ command: call.command, description: 'A step' }),
        };
  yield { type: 'content_block_delta', ...{ index: 0, delta } };
  yield { type: 'content_block_stop', ...{ index: 0 } };
  const ends = { stop_reason: call === null ? 'end_turn' : 'tool_use', stop_sequence: null };
  yield { type: 'message_delta', ...{ delta: ends, usage: { output_tokens: 5 } } };
  yield { type: 'message_stop' };
}

/** Sizes of the requests that one tool sends for the fix, in bytes. Rejects where it does not come to the end of it. */
async function sentBy({ name, bin, args, files }: Tool, packages: string): Promise<number[]> {
  const sizes: number[] = [];
  let steps = 0;
  const reply = (response: ServerResponse, body: Buffer) => {
    const request = JSON.parse(body.toString()) as Asked;
    sizes.push(body.byteLength);
    const shell = request.tools?.find((tool) => /^bash$/i.test(tool.name));
    const blocks = request.messages.flatMap(({ content }) => (typeof content === 'string' ? [] : content));
    const command = STEPS[blocks.filter(({ type }) => type === 'tool_result').length];
    if (shell !== undefined) steps += 1;
    const call = shell === undefined || command === undefined ? null : { name: shell.name, command };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of answer(request.model, call))
      response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    response.end();
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    if (new URL(request.url ?? '/', 'http://x').pathname.endsWith('/messages'))
      reply(response, Buffer.concat(chunks));
    else response.writeHead(404).end('{}');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const place = mkdtempSync(join(tmpdir(), 'millwright-bench-agent-'));
  const put = (folder: string, path: string, text: string) => {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  try {
    const [work, home] = [join(place, 'work'), join(place, 'home')];
    for (const [path, text] of Object.entries(FILES)) put(work, path, text);
    mkdirSync(home);
    for (const [path, value] of Object.entries(files(url))) put(home, path, JSON.stringify(value));
    await promisify(execFile)('git', ['init', '--quiet', work]);
    const PATH = `${join(process.execPath, '..')}:${process.env.PATH}`;
    const env = { PATH, HOME: home, ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: url };
    const running = promisify(execFile)(join(packages, bin), args, { cwd: work, env, timeout: TOOL_MS });
    running.child.stdin?.end();
    await running;
    if (steps < STEPS.length + 1) throw new Error(`${name} made ${steps} calls with tools`);
    return sizes;
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(place, { recursive: true, force: true });
  }
}

async function sentByUs(): Promise<number[]> {
  const turns = [
    { tools: [{ bash: LOOK }] },
    { tools: [{ bash: CHANGE }] },
    { tools: [{ submit: { summary: 'Done.', commitMessage: ASKED } }] },
  ];
  await using h = await harness(JSON.stringify({ role: 'implement', turns }), { files: FILES });
  const done = await runRole(h.options('implement'));
  if (done.kind !== 'submitted') throw new Error(`the implementer ended as ${done.kind}`);
  return h.server.requests().map(({ bytes }) => bytes);
}

export async function peerAgents(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'millwright-bench-agents-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
    const flags = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-save'];
    const names = TOOLS.map((tool) => tool.package);
    await promisify(execFile)('npm', [...flags, ...names], { cwd: folder, timeout: INSTALL_MS });
    const tokens = (sizes: readonly number[]) =>
      single(Math.round(sizes.reduce((sum, one) => sum + one, 0) / 4));
    const ours = tokens(await sentByUs());
    const rows: Row[] = [];
    for (const tool of TOOLS) {
      const spread = tokens(await sentBy(tool, join(folder, 'node_modules')));
      const what = 'sent for a fix of three calls';
      rows.push({ what, unit: 'tokens', ours, peer: { name: tool.package, spread } });
    }
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
