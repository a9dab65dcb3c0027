import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { listensOn } from './port.ts';

// The life cycle on a real Postgres and real processes; only the apps are stand-ins.
const UP = join(import.meta.dirname, 'testing/up.ts');

type Event = {
  step?: string;
  said?: string;
  restarting?: string;
  ready?: string;
  gaveUp?: string;
  stopped?: boolean;
};
type Started = {
  process: ChildProcess;
  next(wanted: keyof Event): Promise<Event>;
  ended: Promise<number | null>;
  stderr(): string;
};

let data: string;
let started: Started[];

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'millwright-up-'));
  started = [];
});
afterEach(async () => {
  for (const { process, ended } of started) {
    process.kill('SIGTERM');
    await ended;
  }
  // Where a test killed `up`, Postgres lives on by design: a last clean round ends it.
  if (existsSync(join(data, 'postgres/data/postmaster.pid'))) {
    const last = up();
    await last.next('ready');
    last.process.kill('SIGTERM');
    await last.ended;
  }
  rmSync(data, { recursive: true, force: true });
});

function up(...args: string[]): Started {
  const child = spawn(process.execPath, [UP, data, ...(args.length === 0 ? ['0'] : args)], {
    env: { ...process.env, ANTHROPIC_API_KEY: 'planted-model-key', MILLWRIGHT_TOKEN: 'planted-token' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const events: Event[] = [];
  let stderr = '';
  createInterface({ input: child.stdout }).on('line', (line) => events.push(JSON.parse(line)));
  child.stderr.on('data', (part) => {
    stderr += part;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const one: Started = {
    process: child,
    ended,
    stderr: () => stderr,
    next: async (wanted) => {
      for (let waited = 0; waited < 60_000; waited += 20) {
        const at = events.findIndex((event) => wanted in event);
        if (at >= 0) return events.splice(0, at + 1)[at] ?? {};
        if (child.exitCode !== null) break;
        await sleep(20);
      }
      throw new Error(`no ${wanted}: ${stderr} ${JSON.stringify(events)}`);
    },
  };
  started.push(one);
  return one;
}

const postmaster = () => {
  const [pid, , , port] = readFileSync(join(data, 'postgres/data/postmaster.pid'), 'utf8')
    .split('\n')
    .map(Number);
  return { pid: pid ?? 0, port: port ?? 0 };
};
const until = async (holds: () => Promise<boolean> | boolean) => {
  for (let waited = 0; !(await holds()); waited += 50) {
    if (waited > 120_000) throw new Error('never came true');
    await sleep(50);
  }
};

it('starts, says who runs, is adopted after kill -9, restarts what dies, and leaves nothing', async () => {
  const first = up();
  const { ready = '' } = await first.next('ready');
  const before = postmaster();
  expect(statSync(join(data, 'token')).mode & 0o777).toBe(0o600);
  expect(statSync(join(data, 'identity.json')).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(join(data, 'factory.json'), 'utf8'))).toMatchObject({
    url: ready,
    pid: first.process.pid,
  });

  const orchestrator = (await (await fetch(`${ready}/env`)).json()) as Record<string, string>;
  await until(() => existsSync(join(data, 'runner-env.json')));
  const runner: Record<string, string> = JSON.parse(readFileSync(join(data, 'runner-env.json'), 'utf8'));
  expect(orchestrator.DATABASE_URL).toContain('postgres://orchestrator:');
  const socket = join(data, 'postgres', `.s.PGSQL.${before.port}`);
  expect(statSync(socket).mode & 0o777).toBe(0o700);
  expect(statSync(join(data, 'postgres')).mode & 0o777).toBe(0o700);
  expect(orchestrator.DATABASE_URL).toContain(
    `@${encodeURIComponent(join(data, 'postgres'))}:${before.port}/`,
  );
  expect(runner.DATABASE_URL).toContain('postgres://runner:');
  expect(runner.ANTHROPIC_API_KEY).toBe('planted-model-key');
  expect(JSON.stringify(orchestrator)).not.toContain('planted');
  expect(JSON.stringify(runner)).not.toContain('planted-token');
  expect(runner).not.toHaveProperty('MILLWRIGHT_ADMIN_TOKEN_HASH');
  expect(orchestrator.MILLWRIGHT_FACTORY).toBe(runner.MILLWRIGHT_FACTORY);

  const second = up();
  expect(await second.ended).toBe(1);
  expect(second.stderr()).toContain(`process ${first.process.pid}, ${ready}`);

  first.process.kill('SIGKILL');
  await first.ended;
  await until(async () => !(await listensOn(Number(new URL(ready).port))));
  expect(await listensOn(before.port)).toBe(true);

  const third = up();
  expect((await third.next('step')).said).toContain('adopted');
  const again = (await third.next('ready')).ready ?? '';
  expect((await (await fetch(`${again}/env`)).json()) as Record<string, string>).toMatchObject({
    DATABASE_URL: orchestrator.DATABASE_URL,
  });
  expect(postmaster()).toEqual(before);

  const { children } = JSON.parse(readFileSync(join(data, 'up.json'), 'utf8')) as {
    children: { pid: number }[];
  };
  process.kill(children[0]?.pid ?? 0, 'SIGKILL');
  expect(await third.next('restarting')).toEqual({ restarting: 'orchestrator' });
  await until(async () => listensOn(Number(new URL(again).port)));

  process.kill(before.pid, 'SIGKILL');
  expect(await third.next('restarting')).toEqual({ restarting: 'Postgres' });
  expect(postmaster().port).toBe(before.port);
  expect(existsSync(socket)).toBe(true);

  third.process.kill('SIGTERM');
  expect(await third.ended).toBe(0);
  expect(await listensOn(before.port)).toBe(false);
  for (const left of ['up.json', 'factory.json', 'postgres/data/postmaster.pid'])
    expect(existsSync(join(data, left))).toBe(false);
});

it('uses TCP where the data folder is too deep for the address of a Unix socket', async () => {
  rmSync(data, { recursive: true });
  data = mkdtempSync(join(tmpdir(), `millwright-up-${'d'.repeat(100)}-`));
  const one = up();
  const { ready = '' } = await one.next('ready');
  const { DATABASE_URL } = (await (await fetch(`${ready}/env`)).json()) as Record<string, string>;
  expect(DATABASE_URL).toContain('@127.0.0.1:');
  one.process.kill('SIGTERM');
  expect(await one.ended).toBe(0);
});

it('takes no taken port, and stops what it had started', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const one = up(String(port));
  expect(await one.ended).toBe(1);
  server.close();
  expect(one.stderr()).toContain(`port ${port} is taken`);
  expect(existsSync(join(data, 'up.json'))).toBe(false);
});

it('gives up on an orchestrator that dies at once, shows the end of its log, and leaves nothing running', async () => {
  const one = up('0', 'apps/cli/src/up/testing/no-such-file.ts');
  expect(await one.ended).toBe(1);
  expect(one.stderr()).toContain('the orchestrator did not start (exit code 1)');
  expect(one.stderr()).toContain('ERR_MODULE_NOT_FOUND');
  expect(existsSync(join(data, 'postgres/data/postmaster.pid'))).toBe(false);
});

it('makes the database where its folder is empty, as a mount that was not filled leaves it', async () => {
  mkdirSync(join(data, 'postgres/data'), { recursive: true });
  // Whose it is: as a first start has it that went no further.
  writeFileSync(
    join(data, 'identity.json'),
    JSON.stringify({
      factory: 'fac_0123456789abcdef',
      passwords: Object.fromEntries(
        ['postgres', 'migrator', 'orchestrator', 'runner', 'redactor'].map((role) => [role, role]),
      ),
    }),
    { mode: 0o600 },
  );
  const one = up();
  await one.next('ready');
  expect(existsSync(join(data, 'postgres/data/PG_VERSION'))).toBe(true);
  one.process.kill('SIGTERM');
  expect(await one.ended).toBe(0);
});

it('takes no new identity over an old database, and no database of another version or kind: it says what was kept, and what to do', async () => {
  const first = up();
  await first.next('ready');
  first.process.kill('SIGTERM');
  expect(await first.ended).toBe(0);
  const refused = async (...said: (string | RegExp)[]) => {
    const again = up();
    expect(await again.ended).toBe(1);
    for (const one of said) expect(again.stderr()).toMatch(one);
    expect(again.stderr()).not.toMatch(/\n\s+at /);
    expect(existsSync(join(data, 'postgres/data/postmaster.pid'))).toBe(false);
  };
  const note = join(data, 'postgres/data/PG_VERSION');
  const version = readFileSync(note, 'utf8');
  writeFileSync(note, '17\n');
  await refused(/was made by Postgres 17, and this Millwright brings Postgres \d+/, 'docs/backup.md');
  rmSync(note);
  await refused('has no PG_VERSION');
  writeFileSync(note, version);
  const identity = join(data, 'identity.json');
  renameSync(identity, `${identity}.old`);
  await refused('holds a factory', 'cp BACKUP/identity.json', 'the database, and all that it holds');
  renameSync(`${identity}.old`, identity);
  const last = up();
  await last.next('ready');
  last.process.kill('SIGTERM');
  expect(await last.ended).toBe(0);
});
