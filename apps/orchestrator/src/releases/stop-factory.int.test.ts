import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ADMIN_TOKEN, gitRemote } from '../testing/scripted-factory.ts';
import { shopFiles } from '../testing/shop.ts';

// The factory as a process of its own, stopped and killed with a canary of three steps under way: its users come to the good release, the canary
// begins anew, and the trail tells it once.

const PROGRAM = fileURLToPath(new URL('../testing/shop-process.ts', import.meta.url));
const STEPS = [10, 50, 100];
let db: TestDatabase;
let root: string;
let child: ChildProcess;
let address: string;
let good: string;
let files = 0;

const start = (): { process: ChildProcess; said: Promise<string>; problem: () => string } => {
  const settings = JSON.stringify({ root, orchestrator: db.url.orchestrator, runner: db.url.runner });
  const made = spawn(process.execPath, [PROGRAM, settings], { stdio: ['ignore', 'pipe', 'pipe'] });
  let problem = '';
  made.stderr.on('data', (text) => {
    problem += text;
  });
  const said = new Promise<string>((resolve, reject) => {
    made.stdout.once('data', (text) => resolve(String(text).trim()));
    made.once('exit', () => reject(new Error(problem)));
  });
  // Whoever does not wait for it is not hurt by it.
  said.catch(() => undefined);
  return { process: made, said, problem: () => problem };
};
async function up(): Promise<void> {
  const made = start();
  child = made.process;
  address = await made.said;
}
async function api(method: 'GET' | 'POST', path: string, body?: object) {
  const answer = await fetch(`${address}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${ADMIN_TOKEN}`,
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return JSON.parse(await answer.text());
}
const serving = (): [string, number][] => JSON.parse(readFileSync(join(root, 'target.json'), 'utf8')).serving;
const runOf = async (ticket: string) => {
  const [id] = (await api('GET', `/tickets/${ticket}`)).runs;
  return id === undefined ? null : api('GET', `/runs/${id}`);
};
const ended = (ticket: string) =>
  vi.waitUntil(
    async () => {
      const run = await runOf(ticket);
      return run?.endedAt ? run : null;
    },
    { timeout: 120_000, interval: 100 },
  );
async function file(): Promise<string> {
  files += 1;
  writeFileSync(
    join(root, 'next.json'),
    JSON.stringify({ [`src/f${files}.js`]: `export const f = ${files};\n` }),
  );
  return (await api('POST', '/tickets', { repo: 'shop', markdown: `# Change ${files}\n\nplease` })).id;
}

beforeAll(async () => {
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  root = mkdtempSync(join(tmpdir(), 'millwright-stop-'));
  const remote = gitRemote(root, shopFiles({ steps: STEPS, bake: '1500ms' }));
  await up();
  await api('POST', '/repos', { url: remote, name: 'shop' });
  await api('POST', '/repos/shop/autonomy', { step: 6, reason: 'first step' });
  good = (await ended(await file())).release;
});
afterAll(async () => {
  if (child?.exitCode === null && child.signalCode === null) {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  await db?.close();
  rmSync(root, { recursive: true, force: true });
});

test('a second orchestrator on the same database is refused, with who has it and what to do', async () => {
  const second = start();
  await once(second.process, 'exit');
  expect(second.process.exitCode).toBe(1);
  expect(second.problem()).toMatch(
    /another orchestrator has this database: orchestrator o-\w+ on .*since .*Ctrl-C/s,
  );
});

test.each(
  (['SIGTERM', 'SIGKILL'] as const).flatMap((signal) => STEPS.map((percent) => [signal, percent] as const)),
)('%s at %s percent: users at the good release, and the canary begins anew', async (signal, percent) => {
  const ticket = await file();
  const canary = await vi.waitUntil(
    async () => {
      const [{ canary: now }] = await api('GET', '/rollbacks?repo=shop');
      return now?.percent === percent ? now : null;
    },
    { timeout: 120_000, interval: 50 },
  );
  const { release } = canary;
  child.kill(signal);
  await once(child, 'exit');
  // Stopped, it goes back first; killed, it cannot, and its start does before it listens.
  if (signal === 'SIGTERM') expect(serving()).toEqual([[good, 100]]);
  await up();
  const run = await ended(ticket);
  expect(run).toMatchObject({ state: 'done', unknown: [] });
  expect(serving()).toEqual([[release, 100]]);
  const story = (await api('GET', '/trail?limit=1000'))
    .filter(
      (line: { stream: string; type: string; data: { release?: string } }) =>
        line.stream === 'target/shop' && line.data.release === release,
    )
    .filter(({ type }: { type: string }) => /^canary\.|^target\.released/.test(type))
    .map(({ type, data }: { type: string; data: { percent?: number; end?: string } }) =>
      [type, data.percent ?? data.end].filter((part) => part !== undefined).join(' '),
    );
  const again = story.indexOf('canary.ended held');
  expect(again).toBeGreaterThan(0);
  expect(story.slice(again + 1)).toEqual([
    'canary.started',
    ...STEPS.map((step) => `canary.shifted ${step}`),
    'target.released',
  ]);
  good = release;
});
