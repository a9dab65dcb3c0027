import type { Reading } from '../engine/container.ts';

/** The clock's time that a command may take at most, in times its limit: on a machine that is busy all the while. */
export const MOST = 3;
/** Of the clock's time: what has had less of a processor waits for something else, and no machine is to blame. */
const IDLE = 0.01;
/** Less is not waited for. */
const WORTH_MS = 20;

/**
 * What is left of a limit of which the first half went by the clock, `first` being read after it. Since then a command is charged the processor time that it
 * had, or the clock's less what the machine kept tasks waiting, whichever is more. Pure.
 */
export function leftOf(limitMs: number, first: Reading, last: Reading): number {
  const clock = last.atMs - first.atMs;
  const used = last.usedMs - first.usedMs;
  const stalled = Math.min(clock, Math.max(0, last.stalledMs - first.stalledMs));
  return limitMs / 2 - Math.max(used, clock - stalled);
}

/** Pure. */
const isIdle = (before: Reading, now: Reading): boolean =>
  now.usedMs - before.usedMs < (now.atMs - before.atMs) * IDLE;

/**
 * Calls `over` once a command has had its time; what it returns takes that back. On a machine that is busy with others a command gets on more slowly than
 * its limit was meant for: it is given the time that it was kept waiting, at most `MOST` times its limit in all. One that waits by itself is
 * given none, and where nothing can be read the clock alone counts. A command that ends within half of its limit costs no look.
 */
export function limitTime(
  limitMs: number,
  read: () => Promise<Reading | null>,
  over: () => void,
): () => void {
  const started = performance.now();
  const spent = () => performance.now() - started;
  let timer: NodeJS.Timeout | undefined;
  let taken = false;
  const after = (ms: number, then: () => Promise<void>) => {
    timer = setTimeout(() => void then(), Math.max(0, ms));
  };
  const look = async (first: Reading | null, before: Reading | null) => {
    const now = first === null ? null : await read();
    if (taken) return;
    if (first === null || before === null || now === null || isIdle(before, now)) return over();
    const left = Math.min(leftOf(limitMs, first, now), MOST * limitMs - spent());
    if (left < WORTH_MS) return over();
    after(left, () => look(first, now));
  };
  after(limitMs / 2, async () => {
    const first = await read();
    if (!taken) after(limitMs - spent(), () => look(first, first));
  });
  return () => {
    taken = true;
    clearTimeout(timer);
  };
}
