import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { announce, SetupError } from './report.mjs';

/**
 * One set-up at a time a machine and user: two of them would install the same packages and start two engines. Taken
 * only where something is missing. A lock whose process is gone is taken over.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 * @throws {SetupError} another set-up has held it for 15 minutes
 */
export async function alone(work) {
  const path = join(tmpdir(), `millwright-setup-${process.getuid?.() ?? 0}.lock`);
  const until = Date.now() + 900_000;
  let told = false;
  while (!take(path)) {
    const holder = holderOf(path);
    if (holder === null) {
      rmSync(path, { force: true });
      continue;
    }
    if (Date.now() > until) {
      throw new SetupError(
        `another set-up (process ${holder}) has been at it for 15 minutes`,
        `end it (kill ${holder}) and run the command again`,
      );
    }
    if (!told) announce('waiting', `for another set-up (process ${holder})`);
    told = true;
    await sleep(200);
  }
  const leave = () => rmSync(path, { force: true });
  process.once('exit', leave);
  try {
    return await work();
  } finally {
    process.removeListener('exit', leave);
    leave();
  }
}

/** @param {string} path */
function take(path) {
  try {
    const file = openSync(path, 'wx', 0o644);
    writeSync(file, String(process.pid));
    closeSync(file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** The living process that holds the lock, or null. @param {string} path @returns {number | null} */
function holderOf(path) {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    if (!Number.isInteger(pid) || pid <= 0) return null;
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EPERM') return -1;
    if (error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'ENOENT'))
      return null;
    throw error;
  }
}
