import { readFileSync, statfsSync } from 'node:fs';

const FOLDER = '/dev/shm';
/** Measured: the tests' files, databases included, come to 1 GiB. */
const ROOM = 4 * 1024 ** 3;

/**
 * A folder in memory for the tests' files, where this machine has one with room from which programs may run; else null. Tests make and delete
 * files by the ten thousand, and ext4 passes over every inode that was freed within minutes before it takes one: 6 % of the processor time of
 * the orchestrator's tests (perf: `recently_deleted`).
 */
export function memoryFolder(): string | null {
  if (process.platform !== 'linux') return null;
  const mount = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .find(([, place, kind]) => place === FOLDER && kind === 'tmpfs');
  const flags = mount?.[3]?.split(',') ?? ['noexec'];
  if (flags.includes('noexec') || flags.includes('ro')) return null;
  const { bavail, bsize } = statfsSync(FOLDER);
  return Math.min(bavail * bsize, process.availableMemory()) > ROOM ? FOLDER : null;
}
