import { readdirSync, readFileSync } from 'node:fs';

// Proportional set size: a page that n processes share counts 1/n in each, so that the sum is what they take together.

const text = (path: string): string | null => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // A process may end while we look.
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
};

export type Process = { pid: number; command: string; mb: number };

/** `root`, what it started, and whatever names `folder` in its command line or environment (Postgres is a daemon), with their PSS in MB. */
export function processesOf(root: number, folder: string): Process[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({
      pid: Number(name),
      parent: Number(/^PPid:\s+(\d+)/m.exec(text(`/proc/${name}/status`) ?? '')?.[1] ?? 0),
      command: (text(`/proc/${name}/cmdline`) ?? '').replaceAll('\0', ' ').trim(),
    }));
  const ours = new Set(
    all
      .filter(({ pid, command }) => pid === root || (pid !== process.pid && command.includes(folder)))
      .map(({ pid }) => pid),
  );
  for (let before = -1; before !== ours.size; ) {
    before = ours.size;
    for (const { pid, parent } of all) if (ours.has(parent)) ours.add(pid);
  }
  return all
    .filter(({ pid }) => ours.has(pid))
    .map(({ pid, command }) => {
      const pss = /^Pss:\s+(\d+) kB/m.exec(text(`/proc/${pid}/smaps_rollup`) ?? '')?.[1];
      return { pid, command, mb: (Number(pss ?? 0) * 1_024) / 1e6 };
    });
}
