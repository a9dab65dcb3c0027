import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { codeOf } from '../fail.ts';

const MAX_BYTES = 10 * 1024 ** 2;
const TAIL_BYTES = 16_384;

/** Opens a process's log for appending. One that has grown past 10 MiB becomes `NAME.1`, replacing the one before. */
export function openLog(path: string): number {
  try {
    if (statSync(path).size > MAX_BYTES) renameSync(path, `${path}.1`);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  return openSync(path, 'a', 0o600);
}

/** The last `lines` lines of a file, from its last 16 KiB; empty when it is not there or may not be read. */
export function tail(path: string, lines: number): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EACCES') return '';
    throw error;
  }
  try {
    const { size } = fstatSync(file);
    const bytes = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const read = readSync(file, bytes, 0, bytes.length, size - bytes.length);
    return bytes.subarray(0, read).toString('utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } finally {
    closeSync(file);
  }
}
