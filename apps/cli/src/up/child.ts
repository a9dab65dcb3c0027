import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLog } from './logs.ts';
import { COMPILE_CACHE, ROOT } from './root.ts';

export type Env = Record<string, string>;
export type ChildSpec = {
  name: string;
  /** The entry point, from the checkout's root. */
  file: string;
  args?: readonly string[];
  env: Env;
  /** What else is in its environment, once it is known: the process starts before, loads `loads` meanwhile (from the checkout's root), and runs then. */
  later?: { env: Promise<Env>; loads: readonly string[] };
  log: string;
  /** Of V8's old generation, in MiB. */
  heapMiB: number;
  /** Hears what the process tells the one that started it. */
  told?: (message: unknown) => void;
};

export type Ended = { code: number | null; signal: NodeJS.Signals | null };
export type Child = { pid: number; ended: Promise<Ended>; stop(hurry: AbortSignal): Promise<void> };

/** What a process has for a clean end; a second Ctrl-C takes it away. */
const GRACE_MS = 10_000;
const PARENT_WATCHDOG = join(import.meta.dirname, 'parent-watchdog.ts');

/**
 * One of the factory's processes, on this very Node, in a process group of its own: a terminal's Ctrl-C reaches `up` alone, which ends them in their order.
 * A young generation of 1 MiB a semi-space halves what an idle process keeps (the default grows to 16). WebAssembly is compiled by V8's
 * baseline compiler alone: the optimising one took the orchestrator 12–20 MB for Cedar, of which a gate runs a millisecond (measured on
 * Node 24.21: the first gates are no slower without it, the 200th 1.2 ms for 0.8).
 */
export function startChild(spec: ChildSpec): Child {
  const log = openLog(spec.log);
  let process_: ChildProcess;
  try {
    process_ = spawn(
      process.execPath,
      [
        `--max-old-space-size=${spec.heapMiB}`,
        '--max-semi-space-size=1',
        '--liftoff-only',
        '--import',
        PARENT_WATCHDOG,
        join(ROOT, spec.file),
        ...(spec.args ?? []),
      ],
      {
        cwd: ROOT,
        env: { NODE_COMPILE_CACHE: COMPILE_CACHE, ...spec.env, ...loadsOf(spec) },
        detached: true,
        stdio: ['ignore', log, log, 'ipc'],
      },
    );
  } finally {
    closeSync(log);
  }
  // Where it never comes, or nobody is there any more, the process is ended by who could not go on, or has ended.
  spec.later?.env.then(
    (env) => process_.send({ env }, () => undefined),
    () => undefined,
  );
  if (spec.told !== undefined) process_.on('message', spec.told);
  const ended = new Promise<Ended>((resolve) => {
    process_.once('error', () => resolve({ code: null, signal: null }));
    process_.once('exit', (code, signal) => resolve({ code, signal }));
  });
  return {
    pid: process_.pid ?? 0,
    ended,
    stop: async (hurry) => {
      if (process_.exitCode !== null || process_.signalCode !== null) return;
      process_.kill('SIGTERM');
      const over = new AbortController();
      const late = sleep(GRACE_MS, undefined, { signal: AbortSignal.any([over.signal, hurry]) }).catch(
        () => undefined,
      );
      await Promise.race([ended, late]);
      over.abort();
      if (process_.exitCode === null && process_.signalCode === null) process_.kill('SIGKILL');
      await ended;
    },
  };
}

/** For `parent-watchdog.ts`. */
const loadsOf = ({ later }: ChildSpec): Env =>
  later === undefined
    ? {}
    : { MILLWRIGHT_LOADS: later.loads.map((file) => join(ROOT, file)).join(delimiter) };

export const endOf = ({ code, signal }: Ended): string =>
  signal !== null ? `killed by ${signal}` : code === null ? 'could not be started' : `exit code ${code}`;
