const MOST = 8;
const LONGEST = 200;

/**
 * What a command runs, outermost first, of its container's processes (`[pid, ppid, args]`, as `ps` has them). Left out are the tool process and the
 * shell of the command with its subshells: theirs begins with `shell`. The innermost are kept of many. Pure.
 */
export function programsOf(processes: readonly (readonly string[])[], shell: string): string[] {
  const pids = new Set(processes.map(([pid]) => pid));
  return processes
    .filter(([, ppid, args = '']) => pids.has(ppid) && !args.startsWith(shell) && !args.endsWith('<defunct>'))
    .sort(([a], [b]) => Number(a) - Number(b))
    .slice(-MOST)
    .map(([, , args = '']) => (args.length > LONGEST ? `${args.slice(0, LONGEST - 1)}…` : args));
}
