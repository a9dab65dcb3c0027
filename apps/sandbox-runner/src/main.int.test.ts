import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseScript, type RecordedServer, startRecorded } from '@millwright/agents/recorded';
import { openTrail, type WritableTrail } from '@millwright/audit';
import {
  type Actor,
  AttemptId,
  AttemptSpec,
  ChangeSet,
  factoryStream,
  getJson,
  putJson,
  type Queue,
  RunId,
  RunnerName,
  RunnerSaid,
  streamOf,
  type Topic,
  VERSION,
} from '@millwright/domain';
import { migrateQueue, openQueue } from '@millwright/queue';
import { openStore, type Store } from '@millwright/store';
import { type TestDatabase, testDatabase } from '@millwright/store/testing';
import Docker from 'dockerode';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { bundleOf } from './testing/snapshots.ts';

// The runner as the process that it is: killed, stopped, and what it leaves.

const SCRIPT = `
role: implement
turns:
  - tools: [{ bash: "echo one > a.txt" }]
  - tools: [{ bash: "sleep 3; cat a.txt" }]
  - expect: ["one"]
    tools: [{ submit: { summary: done, commitMessage: Add a } }]
`;
const MAIN = join(import.meta.dirname, 'main.ts');
const FACTORY = `test-main-${process.pid}`;
const docker = new Docker();

let db: TestDatabase;
let trail: WritableTrail;
let store: Store;
let queue: Queue;
let model: RecordedServer;
let data: string;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'millwright-main-'));
  db = await testDatabase();
  await migrateQueue(db.url.migrator);
  trail = openTrail({ url: db.url.orchestrator, clock: { now: () => Date.now(), sleep: (ms) => sleep(ms) } });
  store = openStore({ url: db.url.runner });
  queue = openQueue({ url: db.url.orchestrator });
  model = await startRecorded({ conversations: parseScript(SCRIPT, 'main.yaml') });
});
afterEach(async () => {
  for (const child of children) await end(child, 'SIGTERM');
});
afterAll(async () => {
  await model?.close();
  await queue?.close();
  await store?.close();
  await trail?.close();
  await db?.close();
  rmSync(data, { recursive: true, force: true });
});

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  children.delete(child);
  if (child.exitCode === null && child.signalCode === null) {
    child.kill(signal);
    await once(child, 'exit');
  }
  return child.exitCode;
}

function begin(queueUrl: string, stderr: 'inherit' | 'pipe', name = '', labels = ''): ChildProcess {
  const child = spawn(process.execPath, ['--no-warnings', MAIN], {
    stdio: ['ignore', 'pipe', stderr],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      DATABASE_URL: db.url.runner,
      QUEUE_URL: queueUrl,
      MILLWRIGHT_DATA: data,
      MILLWRIGHT_FACTORY: FACTORY,
      MILLWRIGHT_SANDBOX_IMAGE: process.env.MILLWRIGHT_SANDBOX_IMAGE ?? 'millwright/sandbox:latest',
      MILLWRIGHT_RUNNER_NAME: name,
      MILLWRIGHT_RUNNER_LABELS: labels,
      MILLWRIGHT_MODEL_IMPLEMENT: 'recorded/implement',
      ANTHROPIC_API_KEY: 'recorded',
      ANTHROPIC_BASE_URL: model.url,
    },
  });
  children.add(child);
  return child;
}

async function start(name?: string, labels?: string): Promise<ChildProcess> {
  const child = begin(db.url.runner, 'inherit', name, labels);
  for await (const line of createInterface({ input: child.stdout ?? process.stdin }))
    if (line.includes('the runner is ready')) break;
  child.stdout?.resume();
  return child;
}

test('a queue that is no Redis is refused before any work, with what to do', async () => {
  const child = begin(model.url.replace('http:', 'redis:'), 'pipe');
  let said = '';
  child.stderr?.on('data', (part) => {
    said += part;
  });
  await once(child, 'exit');
  expect(child.exitCode).toBe(1);
  expect(said).toMatch(/does not answer as Redis does.*QUEUE_URL/);
});

let made = 0;
async function open(labels?: string[], topic: Topic = 'attempts'): Promise<AttemptId> {
  const attempt = AttemptId.parse(`att_${String(++made).padStart(16, '0')}`);
  const { bundle, trees } = bundleOf({ 'readme.md': 'hello\n' });
  const deadline = Date.now() + 120_000;
  const task = { id: 'a', title: 'A', instructions: 'add', dependsOn: [], acceptance: [] };
  const spec = AttemptSpec.parse({
    ...{ attempt, run: 'run_0000000000000001', repo: 'plain', ticket: { title: 'A' }, deadline },
    config: labels === undefined ? {} : { runner: { labels } },
    ...{ role: 'implement', plan: { kind: 'tasks', summary: '', tasks: [task] }, task, feedback: [] },
    triesLeft: 3,
    ...{ baseTree: trees[0], from: trees[0], start: trees[0] },
    source: { bundle: await store.artifacts.put(bundle), trees },
    limits: { turns: 20, wallMs: 120_000, usd: 5 },
    budgets: ['factory'],
  });
  const run = RunId.parse(spec.run);
  const entry = {
    type: 'attempt.opened',
    data: {
      attempt,
      run,
      role: spec.role,
      spec: await putJson(store.artifacts, AttemptSpec, spec),
      deadline,
    },
  } as const;
  await trail.append({
    ...{
      stream: streamOf.attempt(attempt),
      expectedVersion: 0,
      actor: 'orchestrator' as Actor,
      entries: [entry],
    },
  });
  await queue.wake(topic, attempt);
  return attempt;
}

const typesOf = async (attempt: AttemptId) =>
  (await trail.read(streamOf.attempt(attempt))).map(({ envelope }) => envelope.type);
const until = (attempt: AttemptId, type: string) =>
  expect.poll(() => typesOf(attempt), { timeout: 120_000, interval: 100 }).toContain(type);

async function changeOf(attempt: AttemptId): Promise<ChangeSet> {
  const last = (await trail.read(streamOf.attempt(attempt))).at(-1)?.entry;
  if (last?.type !== 'attempt.closed' || last.data.outcome.kind !== 'done')
    throw new Error(`not done: ${JSON.stringify(last)}`);
  return getJson(store.artifacts, ChangeSet, last.data.outcome.artifact);
}

async function leftovers() {
  const label = [`millwright.factory=${FACTORY}`];
  const containers = await docker.listContainers({ all: true, filters: { label } });
  const volumes = await docker.listVolumes({ filters: { label } });
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
    .split('\n')
    .filter((line) => line.includes(data));
  return { containers: containers.length, volumes: volumes.Volumes?.length ?? 0, mounts: mounts.length };
}
const NOTHING = { containers: 0, volumes: 0, mounts: 0 };

test('killed (-9) in a turn: another goes on at the recorded turn, and nothing of the dead one is left', async () => {
  const first = await start();
  const attempt = await open();
  await until(attempt, 'turn.recorded');
  await end(first, 'SIGKILL');
  expect(await leftovers()).not.toEqual(NOTHING);
  await start();
  // What the orchestrator does all the time: claims of dead runners are woken again.
  await expect
    .poll(async () => (await trail.deadClaims()).map((claim) => claim.attempt), { timeout: 120_000 })
    .toContain(attempt);
  await queue.wake('attempts', attempt);
  await until(attempt, 'attempt.closed');
  expect((await changeOf(attempt)).paths).toMatchObject([{ path: 'a.txt', status: 'added' }]);
  expect((await typesOf(attempt)).filter((type) => type === 'turn.recorded')).toHaveLength(3);
  await expect.poll(leftovers, { timeout: 120_000 }).toEqual(NOTHING);
});

test('SIGTERM: the attempt is handed back, the process ends by itself, nothing is left, another goes on', async () => {
  const first = await start();
  const attempt = await open();
  await until(attempt, 'turn.recorded');
  expect(await end(first, 'SIGTERM')).toBe(0);
  expect(await leftovers()).toEqual(NOTHING);
  expect(await typesOf(attempt)).not.toContain('attempt.closed');
  // It was woken on the way out: whoever comes next finds it without being told.
  await start();
  await until(attempt, 'attempt.closed');
  expect((await changeOf(attempt)).paths).toHaveLength(1);
});

test('two runners on one engine leave each other alone', async () => {
  await start();
  const attempt = await open();
  await until(attempt, 'attempt.sandboxed');
  await start();
  await until(attempt, 'attempt.closed');
  expect((await typesOf(attempt)).filter((type) => type === 'attempt.claimed')).toHaveLength(1);
  expect((await changeOf(attempt)).paths).toHaveLength(1);
});

test('a drained runner hands on what it has, and takes nothing until it is resumed; nor one that lacks a label or the version', async () => {
  const children = { one: await start('one'), two: await start('two', 'gpu,trust:high') };
  const orchestrator = openStore({ url: db.url.orchestrator });
  const notes = await orchestrator.notes.list('runner/');
  await orchestrator.close();
  const names = new Map(
    notes.map(({ text }) => {
      const { name, incarnation } = RunnerSaid.parse(JSON.parse(text));
      return [`runner/${incarnation}`, name];
    }),
  );
  // Those of runners that were killed stay for a while: who reads them asks who lives.
  expect([...names.values()]).toEqual(expect.arrayContaining(['one', 'two']));
  const claimants = async (of: AttemptId) =>
    (await trail.read(streamOf.attempt(of)))
      .filter(({ envelope }) => envelope.type === 'attempt.claimed')
      .map(({ envelope }) => names.get(envelope.actor));
  // Woken for what it lacks, it hands that back; who has it takes it.
  const needy = await open(['gpu'], 'attempts-one' as Topic);
  await until(needy, 'attempt.claimed');
  const claimedBy = async (of: AttemptId, wake: Topic) => {
    await queue.wake(wake, of);
    return claimants(of);
  };
  await expect.poll(() => claimedBy(needy, 'attempts-two' as Topic)).toEqual(['one', 'two']);

  const attempt = await open();
  await until(attempt, 'turn.recorded');
  const [holder] = await claimants(attempt);
  const other = holder === 'one' ? 'two' : 'one';
  let said = 0;
  const say = async (type: 'factory.halted' | 'factory.resumed') => {
    const scope = { kind: 'runner', runner: RunnerName.parse(holder) } as const;
    const entry = { type, data: { scope, reason: 'its disk is full' } } as const;
    const actor = 'orchestrator' as Actor;
    await trail.append({ stream: factoryStream().id, expectedVersion: said++, actor, entries: [entry] });
  };
  await say('factory.halted');
  await until(attempt, 'attempt.closed');
  expect(await claimants(attempt)).toEqual([holder, other]);
  expect((await typesOf(attempt)).filter((type) => type === 'turn.recorded')).toHaveLength(3);
  const next = await open();
  await until(next, 'attempt.closed');
  expect(await claimants(next)).toEqual([other]);
  // Alone, it takes work again as soon as it may.
  await end(children[other], 'SIGTERM');
  const later = await open();
  await say('factory.resumed');
  await until(later, 'attempt.closed');
  expect(await claimants(later)).toEqual([holder]);

  // Of another version than its factory, until that is started as the same.
  const started = async (version: string) => {
    const entry = { type: 'factory.started', data: { version } } as const;
    const to = { stream: factoryStream().id, expectedVersion: said++, actor: 'orchestrator' as Actor };
    const done = await trail.append({ ...to, entries: [entry] });
    return done.kind === 'appended' ? done.position : 0;
  };
  await started('9.9.9');
  const last = await open();
  const same = await started(VERSION);
  await expect.poll(() => claimedBy(last, 'attempts')).toEqual([holder]);
  const claim = (await trail.read(streamOf.attempt(last))).find(
    ({ envelope }) => envelope.type === 'attempt.claimed',
  );
  expect(claim?.envelope.position).toBeGreaterThan(same);
});
