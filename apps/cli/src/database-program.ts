import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { COMPILE_CACHE, ROOT } from './up/root.ts';

/**
 * Runs a program of the orchestrator's that asks a database: the command line knows no Postgres. What is asked goes to its stdin, since an address
 * holds a password; `told` hears each line of its answer. Resolves with what it complained of, once it has ended.
 */
export async function databaseProgram(
  program: string,
  asked: object,
  told: (line: unknown) => void,
): Promise<string> {
  const child = spawn(process.execPath, [program], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: COMPILE_CACHE },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const [exited, complaint] = [once(child, 'exit'), text(child.stderr)];
  child.stdin.end(JSON.stringify(asked));
  for await (const line of createInterface(child.stdout)) told(JSON.parse(line));
  await exited;
  return complaint;
}
