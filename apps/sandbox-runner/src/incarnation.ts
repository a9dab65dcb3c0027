import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sandboxes } from '@millwright/sandbox';

// An incarnation names a process for good: its id and start time (proc(5), stat field 22, in clock ticks since boot), so that another
// runner on the same engine can tell whether it still runs, and random letters, so that no name comes twice.

const FORM = /^r-(\d+)-(\d+)-[0-9a-f]+$/;

/** Clock ticks since boot at which a process started; null when there is no such process, 0 where the system has no /proc. */
async function startOf(pid: number): Promise<number | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (stat !== null) return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  if (process.platform === 'linux') return null;
  try {
    process.kill(pid, 0);
    return 0;
  } catch {
    return null; // No such process.
  }
}

/** A fresh name of this process. */
export async function newIncarnation(): Promise<string> {
  return `r-${process.pid}-${(await startOf(process.pid)) ?? 0}-${randomBytes(6).toString('hex')}`;
}

/** Whether the process that took this name still runs on this machine. */
export async function isRunning(incarnation: string): Promise<boolean> {
  const parts = FORM.exec(incarnation);
  return parts !== null && (await startOf(Number(parts[1]))) === Number(parts[2]);
}

/**
 * Removes what dead runners of this factory left on this engine and in this data folder, and what this one could not remove of attempts that
 * it is not at work on (`attempts` are); other live runners are let be.
 */
export async function reapDead(
  { engine, reap }: Pick<Sandboxes, 'engine' | 'reap'>,
  attempts: ReadonlySet<string>,
): ReturnType<Sandboxes['reap']> {
  const label = [`millwright.factory=${engine.factory}`];
  const [containers, volumes, ...folders] = await Promise.all([
    engine.docker.listContainers({ all: true, filters: { label } }),
    engine.docker.listVolumes({ filters: { label } }),
    ...['mounts', 'scratch'].map((kind) => readdir(join(engine.folders.root, kind))),
  ]);
  const named = [...containers, ...(volumes.Volumes ?? [])].map(
    (one) => one.Labels?.['millwright.incarnation'],
  );
  const all = new Set([...named, ...folders.flat()].filter((name) => name !== undefined));
  const live = new Set<string>();
  for (const incarnation of all) if (await isRunning(incarnation)) live.add(incarnation);
  return reap(live, { attempts });
}
