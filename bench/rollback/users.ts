import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What users saw: how many requests, how many failed, and the times of the first and the last that did. */
export type Seen = { sent: number; failed: number; first: number | null; last: number | null };

const PROGRAM = `${import.meta.dirname}/../programs/users.ts`;
const STEADY = `${import.meta.dirname}/../programs/steady.ts`;

/** Users of an address, there once this resolves. `inside` is what the program is started by, for another network namespace. */
export const users = (url: string, inside: readonly string[] = []): Promise<() => Promise<Seen>> =>
  started([...inside, process.execPath, PROGRAM, url]);

/** Users at an even pace of one request every `everyMs`; of their answers those with `status` are told. */
export const steadyUsers = (url: string, status: number, everyMs: number): Promise<() => Promise<Seen>> =>
  started([process.execPath, STEADY, url, String(status), String(everyMs)]);

async function started([file = '', ...args]: readonly string[]): Promise<() => Promise<Seen>> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const late = setTimeout(() => child.kill('SIGKILL'), 240_000);
  const first = await lines.next();
  if (first.done) throw new Error(`nobody answers: ${args.join(' ')}`);
  return async () => {
    child.kill('SIGTERM');
    const { value } = await lines.next();
    await ended;
    clearTimeout(late);
    return JSON.parse(String(value));
  };
}

/** From the first failing response to the last, in milliseconds; 0 when none failed. */
export const window = ({ first, last }: Seen): number => (first === null || last === null ? 0 : last - first);
