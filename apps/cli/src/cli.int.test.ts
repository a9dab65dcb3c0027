import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { problemOf } from '@millwright/api';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { gate, run, stage } from './testing/views.ts';
import { COMPILE_CACHE } from './up/root.ts';

// The CLI as a process: exit codes, what goes to stdout and what to stderr. The factory is a server that says what a factory would.

type Ran = { code: number; stdout: string; stderr: string };
type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let server: Server;
let url: string;
let folder: string;
let answer: Answer = (_, response) => response.writeHead(500).end();
const asked: { method: string; path: string; body: string; headers: IncomingMessage['headers'] }[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'millwright-cli-'));
  server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    asked.push({ method: request.method ?? '', path: request.url ?? '', body, headers: request.headers });
    answer(request, response, body);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
});
afterEach(() => {
  asked.length = 0;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

function cli(args: string[], input = '', env: Record<string, string> = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [join(import.meta.dirname, 'main.ts'), ...args],
      {
        cwd: folder,
        timeout: 120_000,
        env: {
          PATH: process.env.PATH,
          NODE_COMPILE_CACHE: COMPILE_CACHE,
          MILLWRIGHT_URL: url,
          MILLWRIGHT_TOKEN: 'mwt_test',
          ...env,
        },
      },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
    child.stdin?.end(input);
  });
}

const json = (response: ServerResponse, status: number, value: unknown) => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
};

describe('a wrong command line', () => {
  it.each([
    [['run', 'lst'], "unknown command 'lst' (Did you mean list?)"],
    [['run', 'list', '--jsn'], "unknown option '--jsn' (Did you mean --json?)"],
    [['gate', 'approve', 'gate_1'], "required option '--reason <text>' not specified"],
    [['ticket', 'show'], "missing required argument 'id'"],
    [['run', 'show', 'a', 'b'], 'too many arguments'],
    [['run', 'watch', 'run_1', '--timeout', 'soon'], '--timeout takes a number and ms, s, m, h or d'],
    [['autonomy', 'set', '9', '--repo', 'r', '--reason', 'x'], 'STEP takes a whole number from 0 to 7'],
    [['ticket', 'file', 'absent.md', '--repo', 'r'], 'there is no file absent.md'],
    [['ticket', 'file', '-', '--repo', 'r', '--kind', 'wish'], 'there is no kind "wish"'],
    [['rollback'], 'wants --yes'],
    [['person', 'invite', 'Ada', '--roles', 'king'], 'there is no role "king"'],
    [['trail', 'verify', '--bundle', 'f'], 'there is no file f'],
    [['trail', 'verify', '--key', 'nonsense'], 'this is not a verifier key: nonsense'],
    [['trail', 'export'], 'export takes --run RUN for a bundle, --since POSITION'],
    [['trail', 'export', '--evidence', 'iso'], '--evidence takes soc2'],
    [['trail', 'verify', '--evidence', 'f'], 'a pack is checked against a key'],
    [['trail', 'show', '--from', 'yesterday'], '--from takes a time, such as'],
    [['trail', 'show', '--last', '5', '--since', '3'], '--last counts from the end'],
    [['trail', 'prove', 'x'], 'POSITION takes a whole number from 1'],
    [['witness'], 'a witness needs a folder of its own'],
    [['release', 'freeze', 'x'], "required option '--reason <text>' not specified"],
    [['connect', 'gitlab', 'gh'], "unknown command 'gitlab'"],
    [['restore', 'absent'], 'there is no folder'],
    [['restore', '.'], 'is no backup: it has no manifest.json'],
    [['blame', 'a.js', '--repo', 'shop'], 'a place is FILE:LINE'],
    [['up', '--port', '70000'], '--port takes a whole number from 0 to 65535'],
    [['run', 'list', '--url', 'ftp://x'], '--url is no http address'],
  ])('%j ends with 2 and says: %s', async (args, said) => {
    const ran = await cli(args);
    expect(ran).toMatchObject({ code: 2, stdout: '' });
    expect(ran.stderr).toContain(said);
    expect(asked).toEqual([]);
  });
});

it.each([
  [['rollback', '--help'], 'go back to the release before the live one'],
  [['rollback', 'rel_x', '--yes', '--help'], 'go back to the release before the live one'],
  [['rollback', 'undo', '--help'], 'forward again'],
  [['release', 'freeze', 'shop', '--reason', 'x', '--help'], 'let nothing go forward'],
])('%j shows its help and does nothing', async (args, said) => {
  const ran = await cli(args);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  expect(ran.stdout).toContain(said);
  expect(asked).toEqual([]);
});

it('says that a data folder cannot be made', async () => {
  const ran = await cli(['up', '--port', '0', '--data', '/dev/null/millwright']);
  expect(ran).toMatchObject({ code: 1, stdout: '' });
  expect(ran.stderr).toContain('/dev/null/millwright cannot be made');
});

it.each([
  [['run', 'lst', '--json'], 'unknown command'],
  [['gate', 'approve', 'gate_1', '--json'], 'required option'],
  [['ticket', 'show', '--json'], 'missing required argument'],
])('%j says what is wrong as one JSON document', async (args, said) => {
  const ran = await cli(args);
  expect(ran).toMatchObject({ code: 2, stdout: '' });
  expect(JSON.parse(ran.stderr)).toMatchObject({
    error: { code: 'usage', exitCode: 2, message: expect.stringContaining(said), next: expect.any(String) },
  });
});

it('says its version', async () => {
  expect(await cli(['--version'])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
  });
});

it.each([
  ['approve', 'allowed', 0, ''],
  ['approve', 'waiting', 0, ''],
  ['approve', 'denied', 5, 'your yes is recorded, and the gate is denied: so said Bob'],
  ['approve', 'expired', 1, 'your yes is recorded, and the gate is expired'],
  ['deny', 'denied', 0, ''],
  ['deny', 'voided', 1, 'your no is recorded, and the gate is voided'],
] as const)('gate %s ends by what came of the gate: %s with %i', async (verb, state, code, said) => {
  answer = (_, response) => json(response, 200, gate({ state, reason: 'so said Bob' }));
  const ran = await cli(['gate', verb, 'gate_0000000000000001', '--reason', 'read it']);
  expect([ran.code, ran.stdout]).toEqual([code, expect.stringContaining('so said Bob')]);
  if (said === '') expect(ran.stderr).toBe('');
  else expect(ran.stderr).toContain(said);
});

it.each([[[]], [['--json']], [['--repo', 'shop']]])(
  'rollback undo --no-wait %j ends with 8: it is pending',
  async (more) => {
    answer = (_, response) =>
      json(response, 200, {
        ...{ repo: 'shop', state: 'started', release: 'rel_00000001', needs: 0, reason: 'r', acts: [] },
      });
    expect(await cli(['rollback', 'undo', '--no-wait', ...more])).toMatchObject({
      code: 8,
      stdout: expect.stringContaining('rel_00000001'),
    });
  },
);

it('shows help on stdout with 0, and nothing in it that is refused', async () => {
  const ran = await cli(['--help']);
  expect(ran).toMatchObject({ code: 0, stderr: '' });
  expect(ran.stdout).toMatch(/run +a ticket on its way: list, show, watch,/);
  const commands = ran.stdout.slice(ran.stdout.indexOf('Commands:'), ran.stdout.indexOf('Exit codes:'));
  expect(commands).not.toMatch(/^ {2}rehearse\b/m);
});

it('ends with 3 and the next command when nobody answers', async () => {
  const ran = await cli(['run', 'list'], '', { MILLWRIGHT_URL: 'http://127.0.0.1:9' });
  expect(ran).toMatchObject({ code: 3, stdout: '' });
  expect(ran.stderr).toContain('next: start one with: npm start');
});

it("passes on the factory's own words and exit code, as text and as JSON", async () => {
  answer = (_, response) =>
    json(
      response,
      403,
      problemOf('forbidden', 'an author may not approve', {
        acts: [{ act: 'invite-person', role: 'approver', to: 'let one in' }],
      }),
    );
  const args = ['gate', 'approve', 'gate_1', '--reason', 'fine'];
  const ran = await cli(args);
  expect(ran).toMatchObject({ code: 4, stdout: '' });
  expect(ran.stderr).toBe(
    '✖ an author may not approve\n  next: let one in: ./millwright person invite NAME --roles approver\n',
  );
  const said = await cli([...args, '--json']);
  expect(JSON.parse(said.stderr)).toMatchObject({
    error: { code: 'forbidden', exitCode: 4, acts: [{ act: 'invite-person' }] },
  });
});

it('files a ticket from stdin with its token and key; the id alone is data', async () => {
  const ticket = {
    id: 'tkt_0000000000000001',
    repo: 'shop',
    state: 'open',
    ticket: { title: 'T', kind: 'bug', labels: [], acceptance: [], body: 'B' },
    runs: [],
    question: null,
    evidence: [],
    links: [],
    outside: [],
    filedAt: 1,
    author: 'Ada',
    next: { who: 'factory', text: 'open its run, by itself', acts: [] },
  };
  answer = (_, response) => json(response, 201, ticket);
  const ran = await cli(
    ['ticket', 'file', '-', '--repo', 'shop', '--kind', 'bug', '--key', 'k1'],
    '# T\n\nB\n',
  );
  expect(ran).toMatchObject({ code: 0, stdout: 'tkt_0000000000000001\n' });
  expect(JSON.parse(asked[0]?.body ?? '')).toEqual({ repo: 'shop', markdown: '# T\n\nB\n', kind: 'bug' });
  expect(asked[0]?.headers).toMatchObject({ authorization: 'Bearer mwt_test', 'idempotency-key': 'k1' });
});

it('refuses a ticket over 256 KiB and one that is not UTF-8 before it asks anybody', async () => {
  writeFileSync(join(folder, 'big.md'), '#'.repeat(262_145));
  writeFileSync(join(folder, 'latin.md'), Buffer.from([0x23, 0x20, 0xe9]));
  expect((await cli(['ticket', 'file', 'big.md', '--repo', 'r'])).stderr).toContain(
    'at most 262144 (256 KiB)',
  );
  expect((await cli(['ticket', 'file', 'latin.md', '--repo', 'r'])).stderr).toContain('not UTF-8');
  expect(asked).toEqual([]);
});

it('adds a model beside those that were added before, without a factory, and keeps what it cannot read', async () => {
  const data = join(folder, 'data');
  const models = join(data, 'models.json');
  const add = (...more: string[]) => cli(['model', 'add', ...more, '--data', data]);
  expect((await add('a', '--input', '1', '--output', '5')).code).toBe(0);
  const said = await add('b', '--input', '2', '--output', '9', '--thinking', '--efforts', 'low,high');
  expect(said).toMatchObject({ code: 0, stdout: expect.stringContaining(models) });
  expect(JSON.parse(readFileSync(models, 'utf8'))).toEqual({
    a: {
      ...{ input: 1, output: 5, cacheRead: 1, context: 200_000, maxOutput: 32_000 },
      thinking: 'none',
      efforts: [],
    },
    b: expect.objectContaining({ thinking: 'adaptive', efforts: ['low', 'high'] }),
  });
  expect((await add('c', '--input', 'much', '--output', '5')).code).toBe(2);
  expect((await add('c', '--input', '1', '--output', '5', '--efforts', 'some')).code).toBe(2);
  writeFileSync(models, '{');
  expect(await add('c', '--input', '1', '--output', '5')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('nothing was written'),
  });
  expect(readFileSync(models, 'utf8')).toBe('{');
  expect(asked).toEqual([]);
});

describe('run watch', () => {
  const events = (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    return (view: unknown) => response.write(`id: 1\nevent: run\ndata: ${JSON.stringify(view)}\n\n`);
  };
  const plan = stage({ kind: 'plan' });

  it('resumes over a lost connection, says nothing twice, and ends with the run', async () => {
    let connections = 0;
    answer = (_, response) => {
      const send = events(response);
      connections += 1;
      send(run({ stages: [plan] }));
      if (connections === 1) setTimeout(() => response.destroy(), 50);
      else {
        send(run({ stages: [{ ...plan, state: 'done', endedAt: plan.startedAt + 2_000 }] }));
        send(
          run({
            state: 'done',
            stages: [{ ...plan, state: 'done', endedAt: plan.startedAt + 2_000 }],
            endedAt: plan.startedAt + 3_000,
          }),
        );
      }
    };
    const ran = await cli(['run', 'watch', 'run_0000000000000001']);
    expect(ran.code).toBe(0);
    expect(connections).toBe(2);
    expect(ran.stdout.match(/● plan running/g)).toHaveLength(1);
    expect(ran.stdout.match(/✔ plan done {2}2.0 s/g)).toHaveLength(1);
    expect(ran.stdout.trimEnd().split('\n').at(-1)).toContain('✔ done  Add a discount  shop · 3.0 s');
  });

  it.each([
    ['failed', 1],
    ['cancelled', 1],
    ['denied', 5],
    ['rolled_back', 6],
  ] as const)('ends with its own code when the run ended %s', async (state, code) => {
    answer = (_, response) =>
      events(response)(run({ state, reason: 'so it went', endedAt: plan.startedAt + 1 }));
    const ran = await cli(['run', 'watch', 'run_0000000000000001']);
    expect(ran.code).toBe(code);
    expect(ran.stdout).toContain('so it went');
  });

  it('ends with 8 when the time is up, and names the gate it waits for', async () => {
    answer = (_, response) => events(response)(run({ state: 'waiting', gates: [gate()] }));
    const ran = await cli(['run', 'watch', 'run_0000000000000001', '--timeout', '5s']);
    expect(ran.code).toBe(8);
    expect(ran.stdout).toContain('merge waiting  gate_0000000000000001  0 of 2 approvals');
  });

  it('shows nothing hidden: a title’s commands are gone from lines, and escapes in --json', async () => {
    const title = 'Mend \u001b[31mred\u001b[0m \u202eit\u009b2J\u2028now';
    answer = (_, response) => {
      const send = events(response);
      send(run({ state: 'done', reason: title, endedAt: plan.startedAt + 1 }));
    };
    const shown = await cli(['run', 'watch', 'run_0000000000000001']);
    expect(shown.stdout + shown.stderr).not.toMatch(/[^\P{Cc}\n]|\p{Cf}|[\u2028\u2029]/u);
    const ran = await cli(['run', 'watch', 'run_0000000000000001', '--json']);
    expect(ran.stdout).not.toMatch(/[^\P{Cc}\n]|\p{Cf}|[\u2028\u2029]/u);
    expect(JSON.parse(ran.stdout)).toMatchObject({ reason: title });
  });

  it('writes one object a line with --json', async () => {
    answer = (_, response) => {
      const send = events(response);
      send(run());
      send(run({ state: 'done', endedAt: plan.startedAt + 1 }));
    };
    const ran = await cli(['run', 'watch', 'run_0000000000000001', '--json']);
    expect(
      ran.stdout
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { state: string }).state),
    ).toEqual(['running', 'done']);
  });
});
