/** What one container may use. Everything is bounded; a limit that is hit ends the command or the container, never the host. */
export type Limits = {
  /** Memory and swap together, MiB. The workspace's upper and /tmp are tmpfs and count against it. */
  memoryMb: number;
  cpus: number;
  /** Processes and threads, zombies included. */
  pids: number;
  /** Size of the workspace's upper, MiB: what the attempt may write. At most half of `memoryMb`. */
  diskMb: number;
  /** Files and folders that the attempt may make. */
  inodes: number;
  /** Size of /tmp, MiB. */
  tmpMb: number;
  /** From open to forced kill, by the runner's clock. */
  wallMs: number;
};

export const DEFAULT_LIMITS: Limits = {
  memoryMb: 2_048,
  cpus: 2,
  pids: 512,
  diskMb: 768,
  inodes: 200_000,
  tmpMb: 256,
  wallMs: 3_600_000,
};

/** Fills in the defaults and refuses what cannot be kept: every number positive, the upper at most half the memory. */
export function limitsOf(
  asked: Partial<Limits> | undefined,
): { kind: 'limits'; limits: Limits } | { kind: 'refused'; reason: string } {
  const limits = { ...DEFAULT_LIMITS, ...asked };
  const bad = Object.entries(limits).find(([, value]) => !Number.isFinite(value) || value <= 0);
  if (bad !== undefined)
    return { kind: 'refused', reason: `limit ${bad[0]} must be a positive number, not ${bad[1]}` };
  if (asked?.diskMb === undefined) limits.diskMb = Math.min(limits.diskMb, Math.floor(limits.memoryMb / 2));
  if (asked?.tmpMb === undefined) limits.tmpMb = Math.min(limits.tmpMb, Math.ceil(limits.memoryMb / 4));
  if (limits.diskMb > limits.memoryMb / 2)
    return {
      kind: 'refused',
      reason: `diskMb ${limits.diskMb} is more than half of memoryMb ${limits.memoryMb}; the workspace lies in memory`,
    };
  return { kind: 'limits', limits };
}
