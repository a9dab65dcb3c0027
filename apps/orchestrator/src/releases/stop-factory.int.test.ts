import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BASE } from '@millwright/api';
import { connect } from '@millwright/database';
import { migrateQueue } from '@millwright/queue';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ADMIN_TOKEN, gitRemote } from '../testing/scripted-factory.ts';
import { shopFiles } from '../testing/shop-release.ts';

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

const start = ({
  standby = false,
  queue = db.url.orchestrator,
  orchestrator = db.url.orchestrator,
  factory = 'fac_shopprocess',
} = {}): { process: ChildProcess; said: Promise<string>; problem: () => string } => {
  const settings = JSON.stringify({
    ...{ root, orchestrator, queue, standby, factory },
    runner: db.url.runner,
  });
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
  const answer = await fetch(`${address}${BASE}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${ADMIN_TOKEN}`,
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return JSON.parse(await answer.text());
}
const target = (): { serving: [string, number][]; fence: number } =>
  JSON.parse(readFileSync(join(root, 'target.json'), 'utf8'));
const serving = () => target().serving;
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

test.each([
  [
    'a queue that is no Redis',
    () => ({ queue: address.replace('http:', 'redis:') }),
    /not answer as Redis does.*QUEUE_URL/,
  ],
  [
    "another factory's database",
    () => ({ factory: 'fac_other' }),
    /another factory \(fac_shopprocess; this one is fac_other\)/,
  ],
  [
    "an address of another role's",
    () => ({ orchestrator: db.url.runner }),
    /role runner may not do.*role orchestrator/,
  ],
])('%s is refused, with what to do', async (_what, changed, said) => {
  const other = start(changed());
  await once(other.process, 'exit');
  expect(other.process.exitCode).toBe(1);
  expect(other.problem()).toMatch(said);
});

/** A ticket's release, once it has this share of the traffic. */
async function atShare(percent: number): Promise<string> {
  const canary = await vi.waitUntil(
    async () => {
      const [{ canary: now }] = await api('GET', '/rollbacks?repo=shop');
      return now?.percent === percent ? now : null;
    },
    { timeout: 120_000, interval: 50 },
  );
  return canary.release;
}

/** It serves, and after its canary was held the trail tells each step of the next once. */
async function shippedOnce(ticket: string, release: string): Promise<void> {
  const run = await ended(ticket);
  expect(run).toMatchObject({ state: 'done', unknown: [] });
  expect(serving()).toEqual([[release, 100]]);
  const told = (await api('GET', '/trail?limit=1000&order=newest'))
    .reverse()
    .filter(
      (line: { stream: string; type: string; data: { release?: string } }) =>
        line.stream === 'target/shop' && line.data.release === release,
    );
  // The run's bundle has each of them, from before and after.
  const { entries } = await api('GET', `/runs/${run.id}/bundle`);
  expect(entries.map(({ envelope }: { envelope: { position: number } }) => envelope.position)).toEqual(
    expect.arrayContaining(told.map(({ position }: { position: number }) => position)),
  );
  // What the former process still had on its way to the target would come too late.
  const fenceOf = (type: string) =>
    told
      .filter((line: { type: string }) => line.type === type)
      .map(({ data }: { data: { fence: number } }) => data.fence);
  const [begun, ...anew] = fenceOf('canary.started');
  expect(fenceOf('canary.resumed')).toEqual([begun]);
  expect(anew).toEqual([begun + 1]);
  expect(target().fence).toBe(begun + 1);
  const story = told
    .filter(({ type }: { type: string }) => /^canary\.(?!resumed)|^target\.released/.test(type))
    .map(({ type, data }: { type: string; data: { percent?: number; end?: string } }) =>
      [type, data.percent ?? data.end].filter((part) => part !== undefined).join(' '),
    )
    // Said by the former one, where it came back and found its fence taken.
    .filter((line: string) => line !== 'canary.ended fenced');
  const again = story.indexOf('canary.ended held');
  expect(again).toBeGreaterThan(0);
  expect(story.slice(again + 1)).toEqual([
    'canary.started',
    ...STEPS.map((step) => `canary.shifted ${step}`),
    'target.released',
  ]);
  good = release;
}

const CELL = '%s at %s percent: users at the good release, and the canary begins anew';
const cells = (...shares: number[]) =>
  (['SIGTERM', 'SIGKILL'] as const).flatMap((signal) => shares.map((percent) => [signal, percent] as const));
const goesBack = async (signal: 'SIGTERM' | 'SIGKILL', percent: number) => {
  const ticket = await file();
  const release = await atShare(percent);
  child.kill(signal);
  await once(child, 'exit');
  // Stopped, it goes back first; killed, it cannot, and its start does before it listens.
  if (signal === 'SIGTERM') expect(serving()).toEqual([[good, 100]]);
  await up();
  await shippedOnce(ticket, release);
};
test.each(cells(50))(CELL, goesBack);
test.each(cells(10, 100))(CELL, { tags: ['long'] }, goesBack);

test('killed while a person pauses the canary, its next start pauses it too', async () => {
  const ticket = await file();
  const release = await atShare(10);
  await api('POST', '/targets/shop/pause', { ms: 3_600_000, reason: 'let me look' });
  child.kill('SIGKILL');
  await once(child, 'exit');
  await up();
  expect(await atShare(10)).toBe(release);
  // Longer than its bake.
  await sleep(3_000);
  const [{ canary }] = await api('GET', '/rollbacks?repo=shop');
  expect(canary).toMatchObject({ release, percent: 10, paused: { reason: 'let me look' } });
  expect(await runOf(ticket), 'what is watched again is under way').toMatchObject({ unknown: [] });
  await api('POST', '/targets/shop/pause', { ms: 0, reason: 'seen' });
  expect(await ended(ticket)).toMatchObject({ state: 'done' });
  expect(serving()).toEqual([[release, 100]]);
  good = release;
});

/** An orchestrator that stands by, once it says who has the factory. */
async function standby(): Promise<{ process: ChildProcess; address: string }> {
  const made = start({ standby: true });
  const at = await made.said;
  await vi.waitUntil(async () => /orchestrator o-/.test((await ready(at)).message), POLL);
  return { process: made.process, address: at };
}
const POLL = { timeout: 60_000, interval: 50 };
const ready = async (at: string): Promise<{ status: number; message: string }> => {
  const answer = await fetch(`${at}/readyz`);
  return { status: answer.status, message: String(((await answer.json()) as { detail?: string }).detail) };
};
/** The other one has the factory from now on. */
async function takenOver(by: { process: ChildProcess; address: string }): Promise<void> {
  await vi.waitUntil(async () => (await ready(by.address)).status === 200, POLL);
  child = by.process;
  address = by.address;
}
/** The database's own view: which session has the factory. */
async function sessionOf(): Promise<{ pid: number; holder: string }> {
  const sql = connect(db.url.postgres, { max: 1 });
  const [row] = await sql<[{ pid: number; holder: string }]>`
    select pid, application_name as holder from pg_locks join pg_stat_activity using (pid)
    where locktype = 'advisory' and granted and application_name like 'orchestrator o-%' and datname = current_database()`;
  await sql.end();
  return row;
}

describe('an orchestrator that stands by', () => {
  test('is alive, not ready, answers nothing else, and says who has the factory', async () => {
    const { process: second, address: at } = await standby();
    const { holder } = await sessionOf();
    expect((await fetch(`${at}/healthz`)).status).toBe(200);
    expect(await ready(at)).toEqual({ status: 503, message: expect.stringContaining(holder) });
    for (const [method, path] of [
      ['GET', '/runs'],
      ['GET', '/health'],
      ['POST', '/tickets'],
      ['GET', '/none'],
    ] as const) {
      const answer = await fetch(at + BASE + path, {
        method,
        headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
      });
      expect([path, answer.status]).toEqual([path, 503]);
      expect(await answer.json()).toMatchObject({
        code: 'standby',
        detail: expect.stringContaining(holder),
      });
    }
    second.kill('SIGTERM');
    await once(second, 'exit');
    expect(second.exitCode).toBe(0);
    expect((await sessionOf()).holder).toBe(holder);
  });

  const TAKES_OVER = 'takes over when the other ends by %s in a canary';
  const takesOver = async (signal: 'SIGTERM' | 'SIGKILL') => {
    const second = await standby();
    const ticket = await file();
    const release = await atShare(50);
    const first = child;
    first.kill(signal);
    await once(first, 'exit');
    await takenOver(second);
    await shippedOnce(ticket, release);
  };
  test.each(['SIGKILL'] as const)(TAKES_OVER, takesOver);
  // That SIGTERM goes back first is shown above.
  test.each(['SIGTERM'] as const)(TAKES_OVER, { tags: ['long'] }, takesOver);

  test('does not while the other hangs; where the database drops that session, the other ends when it comes back', async () => {
    const second = await standby();
    const ticket = await file();
    const release = await atShare(10);
    const [first, before] = [child, await sessionOf()];
    first.kill('SIGSTOP');
    // Longer than the standby waits for the lock at a time.
    for (let asked = 0; asked < 10; asked += 1) {
      expect(await ready(second.address)).toEqual({
        status: 503,
        message: expect.stringContaining(before.holder),
      });
      await sleep(300);
    }
    const sql = connect(db.url.postgres, { max: 1 });
    await sql`select pg_terminate_backend(${before.pid})`;
    await sql.end();
    await takenOver(second);
    first.kill('SIGCONT');
    await once(first, 'exit');
    expect(first.exitCode).toBe(3);
    await shippedOnce(ticket, release);
  });
});
