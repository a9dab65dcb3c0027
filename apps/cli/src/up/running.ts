import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { codeOf, failed } from '../fail.ts';
import { writePrivate } from './identity.ts';

// Who runs on a data folder. A process is named by its pid and its start time, since pids come round again.

export type ProcessName = { pid: number; started: string };
type Lock = ProcessName & { children: ProcessName[] };

/** The start time of a process in the kernel's ticks; empty where there is no /proc (then the pid alone counts). Null when it is no more. */
function startedAt(pid: number): string | null {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return null;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Field 22; the second field, a name in brackets, may itself hold spaces and brackets. A zombie has ended.
    const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return rest[0] === 'Z' ? null : (rest[19] ?? '');
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH')
      return process.platform === 'linux' ? null : '';
    throw error;
  }
}

const nameOf = (pid: number): ProcessName => ({ pid, started: startedAt(pid) ?? '' });
const lives = ({ pid, started }: ProcessName): boolean => pid > 1 && startedAt(pid) === started;

const isName = (value: unknown): value is ProcessName =>
  typeof value === 'object' &&
  value !== null &&
  'pid' in value &&
  'started' in value &&
  Number.isInteger(value.pid) &&
  typeof value.started === 'string';

function readLock(path: string): Lock | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (!isName(value)) return null;
    const children =
      'children' in value && Array.isArray(value.children) ? value.children.filter(isName) : [];
    return { ...value, children };
  } catch (error) {
    if (error instanceof SyntaxError || codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

const lockOf = (data: string) => join(data, 'up.json');

/** Ends the processes that a killed `up` left; their watchdog does so by itself within seconds, this makes it certain. At most 15 s. */
async function endLeftovers(children: readonly ProcessName[]): Promise<void> {
  for (let waited = 0; waited < 10_000 && children.some(lives); waited += 100) await sleep(100);
  for (const child of children.filter(lives)) process.kill(child.pid, 'SIGKILL');
  for (let waited = 0; waited < 5_000 && children.some(lives); waited += 50) await sleep(50);
}

/** Who runs on a data folder, and where it answers once it does; null: nobody. */
export function runsOn(data: string): { pid: number; url: string | null } | null {
  const lock = readLock(lockOf(data));
  return lock !== null && lives(lock) ? { pid: lock.pid, url: runningUrl(data) } : null;
}

/** Takes the data folder, or throws a `Fail` that says who has it. A lock whose process is gone is taken over, and what it left is ended. */
export async function takeFolder(data: string): Promise<void> {
  const path = lockOf(data);
  for (let tries = 0; tries < 3; tries += 1) {
    try {
      writeFileSync(path, `${JSON.stringify({ ...nameOf(process.pid), children: [] })}\n`, {
        mode: 0o600,
        flag: 'wx',
      });
      return;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const runs = runsOn(data);
    if (runs !== null) {
      const { pid, url } = runs;
      throw failed(
        'already_running',
        `a factory already runs on ${data}: process ${pid}${url === null ? ', still starting' : `, ${url}`}`,
        {
          next: `use it: ./millwright --data ${data} run list    (or stop it: kill ${pid}; or start another: --data DIR --port N)`,
        },
      );
    }
    await endLeftovers(readLock(path)?.children ?? []);
    rmSync(path, { force: true });
  }
  throw failed('already_running', `another process takes ${data} at this moment`, { next: 'try again' });
}

export const nameChildren = (data: string, pids: readonly number[]): void =>
  writePrivate(lockOf(data), `${JSON.stringify({ ...nameOf(process.pid), children: pids.map(nameOf) })}\n`);

export function leaveFolder(data: string): void {
  rmSync(join(data, 'factory.json'), { force: true });
  rmSync(lockOf(data), { force: true });
}

function runningUrl(data: string): string | null {
  try {
    const value: unknown = JSON.parse(readFileSync(join(data, 'factory.json'), 'utf8'));
    return typeof value === 'object' && value !== null && 'url' in value && typeof value.url === 'string'
      ? value.url
      : null;
  } catch (error) {
    if (error instanceof SyntaxError || codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
