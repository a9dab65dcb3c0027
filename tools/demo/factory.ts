import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BASE } from '@millwright/api';
import { ROOT } from './place.ts';

const CLI = join(ROOT, 'apps/cli/src/main.ts');
const START_MS = 120_000;
const STOP_MS = 60_000;
const ASK_MS = 30_000;

export type Ended = { code: number | null; stdout: string };

/** The CLI as people run it. With `shown`, its output goes straight to this terminal. */
export class Cli {
  readonly #data: string;
  readonly #running = new Set<ChildProcess>();

  constructor(data: string) {
    this.#data = data;
  }

  run(args: readonly string[], shown = false): Promise<Ended> {
    const child = spawn(process.execPath, [CLI, ...args, '--data', this.#data], {
      cwd: ROOT,
      stdio: ['ignore', shown ? 'inherit' : 'pipe', 'inherit'],
    });
    this.#running.add(child);
    let stdout = '';
    child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      stdout += part;
    });
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        this.#running.delete(child);
        resolve({ code, stdout });
      });
    });
  }

  endAll(): void {
    for (const child of this.#running) child.kill('SIGTERM');
  }
}

export type Api = {
  /** Of the orchestrator; the console is there. */
  url: string;
  get<T>(path: string): Promise<T>;
  /** Posts as the factory's own administrator; it must work. */
  admin<T>(path: string, body: object): Promise<T>;
  /** Posts as the person whose token it is; the answer's status. */
  post(path: string, token: string, body: object): Promise<number>;
};

export function apiOf(data: string): Api {
  const { url } = JSON.parse(readFileSync(join(data, 'factory.json'), 'utf8')) as { url: string };
  const own = readFileSync(join(data, 'token'), 'utf8').trim();
  const ask = (path: string, token: string, init: RequestInit) =>
    fetch(url + BASE + path, {
      ...init,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(ASK_MS),
    });
  return {
    url,
    get: async <T>(path: string) => {
      const response = await ask(path, own, {});
      if (!response.ok) throw new Error(`GET ${path} answered ${response.status}: ${await response.text()}`);
      return (await response.json()) as T;
    },
    admin: async <T>(path: string, body: object) => {
      const response = await ask(path, own, { method: 'POST', body: JSON.stringify(body) });
      if (!response.ok) throw new Error(`POST ${path} answered ${response.status}: ${await response.text()}`);
      return (await response.json()) as T;
    },
    post: async (path, token, body) => {
      const response = await ask(path, token, { method: 'POST', body: JSON.stringify(body) });
      await response.body?.cancel();
      return response.status;
    },
  };
}

export type Running = { ended: Promise<number | null>; stop(): Promise<void> };

/**
 * `millwright up` in a process group of its own, so that a Ctrl-C here does not end it before its time; its channel to us ends it when we are killed. Resolves when it answers.
 * Its own lines are shown.
 */
export async function startUp(data: string, recorded: string | null, signal: AbortSignal): Promise<Running> {
  const args = [
    'up',
    '--json',
    '--port',
    '0',
    '--data',
    data,
    ...(recorded === null ? [] : ['--recorded', recorded]),
  ];
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd: ROOT,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  let ready = false;
  child.stdout?.on('data', () => {
    ready = true;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    const late = new AbortController();
    const patience = sleep(STOP_MS, 'late', { signal: late.signal }).catch(() => 'ended');
    if ((await Promise.race([ended, patience])) === 'late') child.kill('SIGKILL');
    late.abort();
    await ended;
  };
  try {
    for (let waited = 0; !(ready && existsSync(join(data, 'factory.json'))); waited += 50) {
      signal.throwIfAborted();
      if (child.exitCode !== null) throw new Error(`the factory did not start (exit code ${child.exitCode})`);
      if (waited > START_MS) throw new Error('the factory did not start within two minutes');
      await sleep(50);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { ended, stop };
}
