import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { COMPILE_CACHE } from './up/root.ts';

// On a real terminal (`script` makes one): a person is offered what a rollback may go to, sees what it changes, and is asked.

let server: Server;
let url: string;
const asked: { release?: string; dryRun?: boolean }[] = [];
const served = (n: number) => ({
  release: `rel_0000000${n}`,
  servedAt: Date.now() - n * 3_600_000,
  tickets: [{ id: `tkt_0000000${n}`, title: `Ticket ${n}` }],
  health: n === 1 ? 'runs' : 'stopped',
});
const plan = {
  code: ['2 files differ'],
  schema: [],
  configuration: ['env.X: 1 → 2'],
  traffic: ['all of it'],
};

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    response.setHeader('content-type', 'application/json');
    const repo = { repo: 'shop', frozen: null, undo: null };
    if (request.method === 'GET')
      return response.end(JSON.stringify([{ ...repo, live: served(0), candidates: [served(1), served(2)] }]));
    const { release, dryRun } = JSON.parse(body);
    asked.push({ release, dryRun });
    const view = { repo: 'shop', from: 'rel_00000000', to: release, ms: 1, text: '', revert: null };
    response.end(JSON.stringify({ ...view, done: !dryRun, plan: dryRun ? plan : null }));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Types each answer once its question is on the screen; gives the screen and the exit code. */
function terminal(answers: readonly [question: string, answer: string][]) {
  const command = `${process.execPath} ${join(import.meta.dirname, 'main.ts')} rollback`;
  const bsd = process.platform === 'darwin';
  const args = bsd ? ['-q', '/dev/null', 'sh', '-c', command] : ['-qec', command, '/dev/null'];
  const child = spawn('script', args, {
    env: {
      ...{ PATH: process.env.PATH, NODE_COMPILE_CACHE: COMPILE_CACHE, TERM: 'dumb', SHELL: '/bin/sh' },
      ...{ MILLWRIGHT_URL: url, MILLWRIGHT_TOKEN: 'mwt_test', NO_COLOR: '1' },
    },
  });
  const left = [...answers];
  let screen = '';
  child.stdout.on('data', (part) => {
    screen += part;
    const [next] = left;
    if (next === undefined || !screen.includes(next[0])) return;
    left.shift();
    child.stdin.write(next[1].startsWith('\x03') || next[1].startsWith('\x04') ? next[1] : `${next[1]}\n`);
  });
  return new Promise<{ code: number | null; screen: string }>((resolve) =>
    child.once('close', (code) => resolve({ code, screen })),
  );
}

test('on a terminal it offers the last good releases with age, health and tickets, says what changes, and asks', async () => {
  const done = await terminal([
    ['Which one? [1]', '2'],
    ['Roll back now? [y/N]', 'y'],
  ]);
  expect(done.screen).toMatch(/1\s+rel_00000001\s+.*runs, warm\s+Ticket 1/);
  expect(done.screen).toMatch(/2\s+rel_00000002\s+.*stopped, image there\s+Ticket 2/);
  expect(done.screen).toContain('env.X: 1 → 2');
  expect(done).toMatchObject({ code: 0 });
  expect(asked).toEqual([
    { release: 'rel_00000002', dryRun: true },
    { release: 'rel_00000002', dryRun: false },
  ]);

  asked.length = 0;
  const not = await terminal([
    ['Which one? [1]', ''],
    ['Roll back now? [y/N]', ''],
  ]);
  expect(not).toMatchObject({ code: 1, screen: expect.stringContaining('nothing was changed') });
  expect(asked).toEqual([{ release: 'rel_00000001', dryRun: true }]);
});

test.each([
  ['Ctrl-C', '\x03'],
  ['Ctrl-D', '\x04'],
])('%s at either question is a no, said in a sentence', async (_key, key) => {
  for (const answers of [
    [['Which one? [1]', key]],
    [
      ['Which one? [1]', '1'],
      ['Roll back now? [y/N]', key],
    ],
  ] as [string, string][][]) {
    asked.length = 0;
    const { code, screen } = await terminal(answers);
    expect(screen).toContain('not rolled back: nothing was changed');
    expect(screen).not.toMatch(/fault of the CLI|AbortError| at /);
    expect(code).toBe(1);
    expect(asked.every(({ dryRun }) => dryRun === true)).toBe(true);
  }
});
