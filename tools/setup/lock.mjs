import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
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
    const holder = readHolder(path);
    if (holder === null) continue;
    if (!isAlive(holder)) {
      clear(path, holder);
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
    await sleep(100);
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

/** Puts the lock there with its holder already in it, so that no one reads an empty one. @param {string} path */
function take(path) {
  const mine = `${path}.${process.pid}.${performance.now()}`;
  writeFileSync(mine, String(process.pid));
  try {
    linkSync(mine, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(mine, { force: true });
  }
}

/** What the lock holds, or null where it is gone by now. @param {string} path @returns {string | null} */
function readHolder(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** @param {string} holder a process id; anything else holds nothing */
function isAlive(holder) {
  if (!/^[1-9][0-9]*$/.test(holder)) return false;
  try {
    process.kill(Number(holder), 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * Removes the lock of a process that is gone. It is moved aside first and looked at again: another waiter may have
 * cleared it and taken it a moment ago, and then it is put back.
 * @param {string} path
 * @param {string} holder
 */
function clear(path, holder) {
  const aside = `${path}.${process.pid}.stale`;
  try {
    renameSync(path, aside);
    if (readFileSync(aside, 'utf8') !== holder) linkSync(aside, path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error; // another waiter was faster
  } finally {
    rmSync(aside, { force: true });
  }
}
