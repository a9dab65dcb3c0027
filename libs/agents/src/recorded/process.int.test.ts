import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AnthropicClient } from '../model/client.ts';
import { runRole } from '../run-role.ts';
import { MemoryTurns } from '../testing/doubles.ts';
import { harness } from '../testing/harness.ts';
import type { RequestLine } from './request-log.ts';

// The recorded model as its own process, and a recording made through one that replays.

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
let folder: string;
const running: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millwright-recorded-'));
});
afterAll(async () => {
  for (const child of running)
    if (child.exitCode === null && child.kill('SIGTERM')) await once(child, 'exit');
  await rm(folder, { recursive: true, force: true });
});

async function start(...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(child);
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /listening on (http:\S+)/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error('it ended without listening');
}

const SCRIPT = `
role: implement
turns:
  - say: First a look.
    tools: [{ bash: cat a.txt }]
    fault: { status: 529 }
  - expect: [before]
    tools:
      - edit: { command: create, path: a.txt, file_text: after }
      - bash: cat a.txt
  - expect: [after]
    tools: [{ submit: { summary: Done., commitMessage: Say after } }]
`;

test('serves scripts, logs requests to a file, and what is recorded through it replays to the same end', async () => {
  await writeFile(join(folder, 'script.yaml'), SCRIPT);
  const log = join(folder, 'requests.jsonl');
  const url = await start('--scripts', folder, '--log', log);
  const recording = join(folder, 'recorded', 'made.yaml');
  await mkdir(join(folder, 'recorded'));
  const recorder = await start('--record', recording, '--upstream', url);

  await using h = await harness(SCRIPT, { files: { 'a.txt': 'before\n' } });
  const first = await runRole(
    h.options('implement', { client: new AnthropicClient({ apiKey: 'k', baseUrl: recorder }) }),
  );
  expect(first).toMatchObject({ kind: 'submitted', turns: 3 });
  const lines = (await readFile(log, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as RequestLine);
  expect(lines.map((one) => [one.turn, one.status, one.paid])).toEqual([
    [0, 529, false],
    [0, 200, true],
    [1, 200, true],
    [2, 200, true],
  ]);
  const served = (await (await fetch(`${url}/requests`)).json()) as RequestLine[];
  expect(served).toEqual(lines);

  await h.workspace.write('a.txt', 'before\n');
  const replay = await start('--scripts', join(folder, 'recorded'));
  const again = await runRole(
    h.options('implement', {
      turns: new MemoryTurns(),
      fence: 2,
      client: new AnthropicClient({ apiKey: 'k', baseUrl: replay }),
    }),
  );
  expect(again).toMatchObject({ kind: 'submitted', turns: 3 });
  if (first.kind === 'submitted') expect(again).toMatchObject({ submission: first.submission });
  expect(await readFile(recording, 'utf8')).toMatch(/title: \^Double the numbers\$/);
});

test.each([
  [['--scripts', '/no/such/folder'], /no such file/],
  [['--port', 'x', '--scripts', '.'], /--port x is not a port/],
  [[], /usage/],
  [['--colour'], /colour/],
])('%j ends with 2 and says why', async (args, message) => {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number];
  expect(code).toBe(2);
  expect(said).toMatch(message);
});
