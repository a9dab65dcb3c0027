import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { RequestLine } from '@millwright/agents/recorded';
import { BASE, RunView, TicketView, type TrailLine } from '@millwright/api';
import { type Script, writeScripts } from './conversations.ts';
import { leftovers } from './leftovers.ts';
import { type Files, makeRemote, type Remote } from './remote.ts';

// A whole factory for a test file: `millwright up` on a throw-away data folder, driven from outside as a person would.

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const CLI = join(ROOT, 'apps/cli/src/main.ts');
/** Else each of hundreds of commands compiles the CLI anew. */
const COMPILE_CACHE = join(ROOT, 'node_modules/.cache/millwright');
const READY_MS = 300_000;
const STOP_MS = 180_000;
const COMMAND_MS = 595_000;
const RUN_MS = 580_000;

export type Ran = { code: number | null; stdout: string; stderr: string };
export type CliOptions = { stdin?: string; token?: string; env?: Record<string, string> };

export type Factory = {
  readonly url: string;
  readonly id: string;
  readonly data: string;
  /** Runs the CLI against this factory. 280 s at most. */
  cli(args: readonly string[], options?: CliOptions): Promise<Ran>;
  /** Runs the CLI with `--json`; throws unless it exits 0. */
  json<T>(args: readonly string[], options?: CliOptions): Promise<T>;
  api(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<{ status: number; body: unknown }>;
  /** A bare repository beside the data folder. Not added yet. */
  remote(name: string, files: Files, options?: Parameters<typeof makeRemote>[3]): Promise<Remote>;
  /** Adds a repository and sets its step, over the API; the name it has in the factory is the remote's. */
  add(remote: Remote, options?: { step?: number }): Promise<void>;
  /** Files a ticket and follows its run to the end. The run and the CLI's exit code. */
  follow(
    repo: string,
    ticket: string,
    options?: { timeout?: string },
  ): Promise<{ code: number | null; run: RunView }>;
  /** Files a ticket; its id. */
  file(repo: string, ticket: string, options?: CliOptions): Promise<string>;
  /** The newest run of a ticket, once `holds` is true of it. 580 s at most. */
  runOf(ticket: string, holds: (run: RunView) => boolean): Promise<RunView>;
  trail(run: string): Promise<TrailLine[]>;
  /** What the recorded model was asked. */
  requests(): Promise<RequestLine[]>;
  kill(name: 'orchestrator' | 'runner'): Promise<void>;
  /** Stops it as Ctrl-C does, looks at what is there meanwhile, and starts it on the same data folder; throws when it did not end well. */
  restart(whileDown: () => Promise<void>): Promise<void>;
  /** What the processes said, for failure messages. */
  said(): string;
  /** Stops it, then calls `removes` for what is left by design; throws when it does not end well or leaves something else behind. */
  close(removes?: () => Promise<void>): Promise<void>;
};

const inherited = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) =>
        !/^(ANTHROPIC_|MILLWRIGHT_|VITEST|NODE_OPTIONS|NODE_ENV|DATABASE_URL|REDIS_URL|FORCE_COLOR)/.test(
          name,
        ),
    ),
  );

function run(args: readonly string[], env: NodeJS.ProcessEnv, stdin: string): Promise<Ran> {
  const child = spawn(process.execPath, [CLI, ...args], { env, timeout: COMMAND_MS, killSignal: 'SIGKILL' });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (part) => {
    stdout += part;
  });
  child.stderr.on('data', (part) => {
    stderr += part;
  });
  // A command that needs no input may end before it has read any.
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

type Started = { process: ChildProcess; ended: Promise<number | null>; stderr(): string };

function up(
  args: string[],
  env: NodeJS.ProcessEnv,
): Started & { first: Promise<{ url: string; factory: string }> } {
  const child = spawn(process.execPath, [CLI, 'up', '--json', '--port', '0', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stderr.on('data', (part) => {
    stderr += part;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const first = new Promise<{ url: string; factory: string }>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no factory in ${READY_MS} ms:\n${stderr}`)), READY_MS);
    child.stdout.on('data', (part) => {
      stdout += part;
      if (!stdout.includes('\n')) return;
      clearTimeout(late);
      resolve(JSON.parse(stdout.slice(0, stdout.indexOf('\n'))));
    });
    void ended.then((code) => {
      clearTimeout(late);
      reject(new Error(`millwright up ended with ${code}:\n${stderr}`));
    });
  });
  return { process: child, ended, stderr: () => stderr, first };
}

function tails(data: string): string {
  const folder = join(data, 'logs');
  return readdirSync(folder)
    .map(
      (name) => `--- ${name}\n${readFileSync(join(folder, name), 'utf8').split('\n').slice(-60).join('\n')}`,
    )
    .join('\n');
}

/**
 * Starts a factory. `conversations` are what its model says; with `model` it asks that address instead. `env` reaches `up`.
 */
export async function startFactory(options: {
  conversations?: readonly Script[];
  model?: { url: string; key: string };
  /** The folder of whoever answers instead. */
  byHand?: string;
  env?: Record<string, string>;
}): Promise<Factory> {
  const place = mkdtempSync(join(tmpdir(), 'millwright-e2e-'));
  // Else Postgres's own user cannot pass, and the database would lie outside of what is thrown away.
  chmodSync(place, 0o711);
  const data = join(place, 'data');
  const env: NodeJS.ProcessEnv = { ...inherited(), NODE_COMPILE_CACHE: COMPILE_CACHE, ...options.env };
  const args = ['--data', data];
  if (options.model) {
    env.ANTHROPIC_BASE_URL = options.model.url;
    env.ANTHROPIC_API_KEY = options.model.key;
  } else if (options.byHand !== undefined) args.push('--by-hand', options.byHand);
  else {
    writeScripts(join(place, 'scripts'), options.conversations ?? []);
    args.push('--recorded', join(place, 'scripts'));
  }
  let started = up(args, env);
  /** `up` ends what it started; killed, it would leave its Postgres. */
  const stop = async (): Promise<number | null> => {
    const late = setTimeout(() => started.process.kill('SIGKILL'), STOP_MS);
    started.process.kill('SIGTERM');
    return started.ended.finally(() => clearTimeout(late));
  };
  const first = await started.first.catch(async (error: Error) => {
    await stop();
    rmSync(place, { recursive: true, force: true });
    throw error;
  });
  const { factory: id } = first;
  let { url } = first;
  const said = () => `${started.stderr()}\n${tails(data)}`;
  const cli: Factory['cli'] = (given, { stdin = '', token, env: more = {} } = {}) =>
    run(
      [
        ...given,
        ...(given.includes('--data') ? [] : ['--data', data]),
        ...(token === undefined ? [] : ['--token', token]),
      ],
      { ...env, ...more },
      stdin,
    );
  const json = async <T>(given: readonly string[], more: CliOptions = {}): Promise<T> => {
    const ran = await cli([...given, '--json'], more);
    if (ran.code !== 0)
      throw new Error(`millwright ${given.join(' ')} exited ${ran.code}: ${ran.stderr}\n${ran.stdout}`);
    return JSON.parse(ran.stdout) as T;
  };
  const token = readFileSync(join(data, 'token'), 'utf8').trim();

  const api: Factory['api'] = async (method, path, body, headers = {}) => {
    const response = await fetch(url + BASE + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  };

  return {
    get url() {
      return url;
    },
    ...{ id, data, cli, json, api, said },
    remote: (name, files, more) => makeRemote(place, name, files, more),
    // At step 7 what is of raised risk merges by itself: a change whose tests say little of it is no matter of most tests here.
    add: async ({ path, name }, { step = 7 } = {}) => {
      const added = await api('POST', '/repos', { url: path, name, branch: 'main', deliver: 'merge' });
      if (added.status > 201) throw new Error(`${name} was not added: ${JSON.stringify(added)}`);
      const set = await api('POST', `/repos/${name}/autonomy`, { step, reason: 'for the test' });
      if (set.status !== 200) throw new Error(`${name} is not at step ${step}: ${JSON.stringify(set)}`);
    },
    follow: async (repo, ticket, { timeout = '580s' } = {}) => {
      const given = ['ticket', 'file', '-', '--repo', repo, '--follow', '--timeout', timeout, '--json'];
      const ran = await cli(given, { stdin: ticket });
      const last = ran.stdout.trim().split('\n').at(-1) ?? '';
      if (!last.startsWith('{')) throw new Error(`no run was seen (exit ${ran.code}): ${ran.stderr}`);
      return { code: ran.code, run: RunView.parse(JSON.parse(last)) };
    },
    file: async (repo, ticket, more = {}) => {
      const { id: filed } = await json<{ id: string }>(['ticket', 'file', '-', '--repo', repo], {
        ...more,
        stdin: ticket,
      });
      return filed;
    },
    runOf: async (ticket, holds) => {
      let last: RunView | null = null;
      // The database or the orchestrator may be away for a while, and tells so or nothing.
      let away: unknown = null;
      const asked = async <T>(path: string, as: { parse(body: unknown): T }): Promise<T | null> => {
        const got = await api('GET', path).catch((error: Error) => ({ status: 0, body: error.message }));
        away = got.status === 200 ? null : got;
        return away === null ? as.parse(got.body) : null;
      };
      for (let waited = 0; waited < RUN_MS; waited += 250) {
        const newest = (await asked(`/tickets/${ticket}`, TicketView))?.runs.at(-1);
        const seen = newest === undefined ? null : await asked(`/runs/${newest}`, RunView);
        last = seen ?? last;
        if (seen !== null && holds(seen)) return seen;
        await sleep(250);
      }
      throw new Error(`${ticket} never came there: ${JSON.stringify(away ?? last, null, 1)}`);
    },
    trail: (id_) => json(['trail', 'show', '--run', id_, '--limit', '1000']),
    requests: async () => {
      const log = readFileSync(join(data, 'logs', 'recorded.log'), 'utf8');
      // Of the newest, where it was started again.
      const address = [...log.matchAll(/listening on (http:\S+)/g)].at(-1)?.[1];
      if (address === undefined) throw new Error(`the recorded model did not say where it is: ${log}`);
      return (await (await fetch(`${address}/requests`)).json()) as RequestLine[];
    },
    kill: async (name) => {
      const program = name === 'runner' ? 'apps/sandbox-runner/src/main.ts' : 'apps/orchestrator/src/main.ts';
      const { children } = JSON.parse(readFileSync(join(data, 'up.json'), 'utf8')) as {
        children: { pid: number }[];
      };
      const found = children.find(({ pid }) =>
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(program),
      );
      if (found === undefined) throw new Error(`no ${name} runs`);
      process.kill(found.pid, 'SIGKILL');
    },
    restart: async (whileDown) => {
      const code = await stop();
      if (code !== 0) throw new Error(`millwright up ended with ${code}:\n${said()}`);
      await whileDown();
      started = up(args, env);
      ({ url } = await started.first);
    },
    close: async (removes = async () => {}) => {
      const code = await stop();
      await removes();
      const left = await leftovers(id, data);
      const told = said();
      rmSync(place, { recursive: true, force: true });
      if (code !== 0 || left.length > 0)
        throw new Error(`millwright up ended with ${code} and left:\n${left.join('\n')}\n${told}`);
    },
  };
}
