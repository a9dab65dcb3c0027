import type { TrailLine } from '@millwright/api';

// Where a ticket's time went: from the trail's times and the runner's log of what each run of a test command took.

export type Interval = { from: number; to: number };

/** Milliseconds that at least one of them covers. */
export function covered(intervals: readonly Interval[]): number {
  let [sum, end] = [0, 0];
  for (const { from, to } of [...intervals].sort((a, b) => a.from - b.from)) {
    sum += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return sum;
}

/** When commands of the repository or the tester ran for this run, by the runner's log (JSON lines). */
export function testsOf(log: string, run: string): Interval[] {
  return log
    .split('\n')
    .filter((line) => line.startsWith('{') && line.includes('suite.ran') && line.includes(run))
    .map((line) => JSON.parse(line) as { time: number; ms: number })
    .map(({ time, ms }) => ({ from: time - ms, to: time }));
}

const at = (lines: readonly TrailLine[], type: string): number | undefined =>
  lines.find((line) => line.type === type)?.at;

/** Milliseconds from a claimed attempt to its artifact, by role. */
export function attempts(lines: readonly TrailLine[]): { role: string; ms: number }[] {
  return lines
    .filter((line) => line.type === 'attempt.opened')
    .map((opened) => {
      const own = lines.filter((line) => line.stream === opened.stream);
      const role = String((opened.data as { role?: unknown } | null)?.role);
      return { role, ms: (at(own, 'attempt.closed') ?? 0) - (at(own, 'attempt.claimed') ?? 0) };
    });
}

/** Each entry with the milliseconds since the one before it: for reading where time goes. */
export function steps(lines: readonly TrailLine[]): string[] {
  const sorted = [...lines].sort((a, b) => a.position - b.position);
  return sorted.map((line, nth) => {
    const since = line.at - (sorted[nth - 1]?.at ?? line.at);
    const total = line.at - (sorted[0]?.at ?? line.at);
    return `${String(total).padStart(7)} ${`+${since}`.padStart(7)}  ${line.type.padEnd(24)} ${line.stream} ${JSON.stringify(line.data).slice(0, 90)}`;
  });
}
