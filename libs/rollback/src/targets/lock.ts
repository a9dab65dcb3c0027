import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '@millwright/domain';
import { elapsed } from '../elapsed.ts';

// A lock file, held for milliseconds around one read-change-write of a target's record. A dead holder's lock is taken over at
// once: it names its process, when that began (numbers come round again, after a restart of the machine at the latest), and a token for
// this process's own number. What a dead holder was doing is settled by the fence in the record, not by the lock.

const TOKEN = randomUUID();
const WAIT_MS = 20_000;

const code = (error: unknown) =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;

/** When a process began, in the kernel's ticks; empty where there is no /proc, null where there is no such process. */
function begun(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Field 22; the second field, a name in brackets, may itself hold spaces and brackets. A zombie has ended.
    const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return rest[0] === 'Z' ? null : (rest[19] ?? '');
  } catch (error) {
    if (code(error) !== 'ENOENT' && code(error) !== 'ESRCH') throw error;
    return process.platform === 'linux' ? null : '';
  }
}

function alive(holder: string): boolean {
  const [pid = '', token = '', start = ''] = holder.split(' ');
  if (Number(pid) === process.pid) return token === TOKEN;
  if (begun(Number(pid)) !== start) return false;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return code(error) === 'EPERM';
  }
}

async function tryTake(path: string): Promise<boolean> {
  const mine = `${path}.${process.pid}.${randomUUID()}`;
  try {
    // Written whole, then linked: a reader never sees a lock without its holder.
    await writeFile(mine, `${process.pid} ${TOKEN} ${begun(process.pid) ?? ''}`);
    await link(mine, path);
    return true;
  } catch (error) {
    if (code(error) !== 'EEXIST') throw error;
    return false;
  } finally {
    await rm(mine, { force: true });
  }
}

/** Moves a dead holder's lock away. What was moved is read again: had somebody else done it meanwhile, theirs is put back. */
async function bury(path: string): Promise<void> {
  const grave = `${path}.dead.${process.pid}.${randomUUID()}`;
  try {
    if (alive(await readFile(path, 'utf8'))) return;
    await rename(path, grave);
    if (alive(await readFile(grave, 'utf8'))) await link(grave, path);
  } catch (error) {
    if (code(error) !== 'ENOENT' && code(error) !== 'EEXIST') throw error;
  } finally {
    await rm(grave, { force: true });
  }
}

/** Runs `work` alone, among all processes of this machine. Throws when the lock is held by a living process for 20 s. */
export async function withLock<T>(path: string, clock: Clock, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const since = elapsed(clock);
  while (!(await tryTake(path))) {
    await bury(path);
    if (since() > WAIT_MS)
      throw new Error(`${path} is held for over ${WAIT_MS} ms: ${await readFile(path, 'utf8')}`);
    await clock.sleep(2);
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}
