import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const END_MS = 30_000;

/** A program of ours in a process of its own, which says things a line at a time. */
export type Program = {
  process: ChildProcess;
  /** The next line it says. Rejects when it ends, or after `ms`, without one. */
  line(ms?: number): Promise<string>;
  /** kill -9, and its end. */
  kill(): Promise<void>;
  /** Its end by itself, when it has removed what it made: asked for with SIGTERM where `ask`, and killed after 30 s. */
  end(ask: boolean): Promise<void>;
};

export function startProgram(
  file: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Program {
  const child = spawn(process.execPath, [file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const said: string[] = [];
  const waiting: ((line: string) => void)[] = [];
  let complaint = '';
  child.stderr.on('data', (part) => {
    complaint = (complaint + part).slice(-4_000);
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const next = waiting.shift();
    if (next === undefined) said.push(line);
    else next(line);
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    process: child,
    line: (ms = 30_000) => {
      const there = said.shift();
      if (there !== undefined) return Promise.resolve(there);
      return new Promise((resolve, reject) => {
        const late = setTimeout(
          () => reject(new Error(`${file} said nothing for ${ms} ms\n${complaint}`)),
          ms,
        );
        void ended.then((code) => {
          clearTimeout(late);
          reject(new Error(`${file} ended with ${code}\n${complaint}`));
        });
        waiting.push((line) => {
          clearTimeout(late);
          resolve(line);
        });
      });
    },
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
    end: async (ask) => {
      if (ask) child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), END_MS);
      await ended;
      clearTimeout(late);
    },
  };
}

/** Runs a program to its end, `ms` at most, and reads the JSON that it prints last. */
export async function measured<T>(
  file: string,
  args: readonly string[],
  ms: number,
  env: Record<string, string> = {},
): Promise<T> {
  const program = startProgram(file, args, env);
  let said: string | null = null;
  try {
    said = await program.line(ms);
    return JSON.parse(said) as T;
  } finally {
    await program.end(said === null);
  }
}
