import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Who may be killed, by what it runs. Also the database role that it has. */
export type Victim = 'orchestrator' | 'runner';
const PROGRAMS: Record<Victim, string> = {
  orchestrator: 'apps/orchestrator/src/main.ts',
  runner: 'apps/sandbox-runner/src/main.ts',
};

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // It ended while we looked, or it is not ours to read.
  }
}

/** Running, or stopped; not one that has ended and is yet to be waited for. */
const lives = (pid: number): boolean => {
  const stat = text(`/proc/${pid}/stat`);
  return stat !== '' && stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
};

/** The ids of a factory's processes of one kind, from /proc: `up` writes them down a moment later than it starts them. */
export const pidsOf = (data: string, victim: Victim): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter(
      (pid) =>
        text(`/proc/${pid}/cmdline`).includes(PROGRAMS[victim]) &&
        text(`/proc/${pid}/environ`).split('\0').includes(`MILLWRIGHT_DATA=${data}`) &&
        lives(pid),
    );

/** Signals it; false when it has ended in the meantime. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Kills (-9) the factory's process of that kind and waits until it is gone; where it is just being started anew, waits for it. 20 s at most. */
export async function killNow(data: string, victim: Victim): Promise<void> {
  const until = Date.now() + 20_000;
  let killed: number[] = [];
  while (killed.length === 0) {
    if (Date.now() > until) throw new Error(`no ${victim} runs that could be killed`);
    killed = pidsOf(data, victim).filter((pid) => signal(pid, 'SIGKILL'));
    if (killed.length === 0) await sleep(20);
  }
  while (killed.some(lives)) {
    if (Date.now() > until) throw new Error(`process ${killed.find(lives)} outlives SIGKILL`);
    await sleep(5);
  }
}
