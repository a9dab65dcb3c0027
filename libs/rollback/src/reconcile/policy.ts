// When to heal, and when to stop trying: self-healing must not hide a fault. Pure.

export type Tried = { readonly at: number; readonly ok: boolean };
/** What was tried on a target, oldest first. To be kept by the caller (the trail's healed and not-healed entries hold the same). */
export type HealMemory = { readonly tried: readonly Tried[] };

export type HealLimits = {
  /** Before the second try after a failed one; doubled for each further one. Milliseconds. */
  readonly backOffMs: number;
  readonly maxBackOffMs: number;
  /** At most this many tries in the window; then it is given up until the window has passed. */
  readonly most: number;
  readonly windowMs: number;
  /** So many in the window, healed or not, are an incident that somebody must look at. */
  readonly repeated: number;
};
export const HEAL_LIMITS: HealLimits = {
  backOffMs: 1_000,
  maxBackOffMs: 60_000,
  most: 8,
  windowMs: 600_000,
  repeated: 3,
};

export type HealNext =
  | { readonly kind: 'heal' }
  | { readonly kind: 'wait'; readonly ms: number }
  /** Too often: a person must look. `ms` until it is tried again. */
  | { readonly kind: 'give_up'; readonly ms: number; readonly tries: number };

const inWindow = ({ tried }: HealMemory, now: number, { windowMs }: HealLimits) =>
  // A clock that jumped back would make tries of the future: they count as now.
  tried.map((each) => ({ ...each, at: Math.min(each.at, now) })).filter((each) => now - each.at < windowMs);

/** What to do about a target that is not as desired. */
export function nextHeal(memory: HealMemory, now: number, limits: HealLimits = HEAL_LIMITS): HealNext {
  const recent = inWindow(memory, now, limits);
  const oldest = recent[recent.length - limits.most];
  if (oldest !== undefined)
    return { kind: 'give_up', ms: oldest.at + limits.windowMs - now, tries: recent.length };
  const last = recent.at(-1);
  if (last === undefined) return { kind: 'heal' };
  // A heal that held for a moment only counts as failed: crash, heal, crash is backed off too.
  const pause = Math.min(limits.maxBackOffMs, limits.backOffMs * 2 ** (recent.length - 1));
  const ms = last.at + pause - now;
  return ms > 0 ? { kind: 'wait', ms } : { kind: 'heal' };
}

/** Remembers a try, and forgets what is older than the window. */
export function remember(memory: HealMemory, tried: Tried, limits: HealLimits = HEAL_LIMITS): HealMemory {
  return { tried: [...inWindow(memory, tried.at, limits), tried].slice(-limits.most * 2) };
}

/** Whether healing repeats: then it is an incident with a ticket, even while each heal works. */
export const repeats = (memory: HealMemory, now: number, limits: HealLimits = HEAL_LIMITS): boolean =>
  inWindow(memory, now, limits).length >= limits.repeated;
