import { wilson } from '../canary/sequential.ts';
import type { Counters } from '../proxy/stats.ts';

// The health watch of what was promoted: a fault that shows only after the canary. There is nothing to compare it with any more, so it is
// judged by the limit of its own file alone, and late rather than wrongly. Pure.

export type LiveSample = Pick<Counters, 'requests' | 'errors'> & { readonly at: number };
/** The samples of the last `WINDOW_MS`, oldest first. */
export type LiveMemory = readonly LiveSample[];
export const NOTHING_SEEN: LiveMemory = [];

const WINDOW_MS = 30_000;
/** In the newest part of the window it must be bad from look to look: a burst that passes by itself is no incident. */
const RECENT_MS = 6_000;
const LEAST_REQUESTS = 20;
/** Standard errors: at this many a look is wrong about once in 700, and its last looks must be bad too. */
const SIGMA = 3;

/**
 * Remembers what the counters say now, and tells when the share of failed requests is over `errorRate` for sure: over the whole window, and
 * from look to look in its newest part. Counters that went back (the proxy began anew) begin a new window.
 */
export function watchLive(
  memory: LiveMemory,
  now: LiveSample,
  errorRate: number,
): { memory: LiveMemory; sick: string | null } {
  const last = memory.at(-1);
  const anew =
    last !== undefined && (now.requests < last.requests || now.errors < last.errors || now.at < last.at);
  const kept = anew ? [] : memory.filter((each) => now.at - each.at <= WINDOW_MS);
  const next = { memory: [...kept, now], sick: null };
  const first = kept[0];
  const from = kept.findLastIndex((each) => now.at - each.at >= RECENT_MS);
  if (first === undefined || from < 0) return next;
  const whole = between(first, now);
  const looks = next.memory
    .slice(from)
    .map((each, at, all) => between(each, all[at + 1] ?? each))
    .slice(0, -1);
  if (!over(whole, errorRate) || !looks.every((look) => lasting(look, errorRate))) return next;
  const percent = ((whole.errors / whole.requests) * 100).toFixed(1);
  const seconds = Math.round((now.at - first.at) / 1_000);
  return {
    ...next,
    sick: `${whole.errors} of ${whole.requests} requests failed in ${seconds} s (${percent} %, limit ${(errorRate * 100).toFixed(1)} %)`,
  };
}

const between = (from: LiveSample, to: LiveSample) => ({
  requests: to.requests - from.requests,
  errors: to.errors - from.errors,
});

/** Nobody asked, or too many were failed. */
const lasting = ({ requests, errors }: { requests: number; errors: number }, rate: number): boolean =>
  requests === 0 || errors / requests > rate;

const over = ({ requests, errors }: { requests: number; errors: number }, rate: number): boolean =>
  requests >= LEAST_REQUESTS && errors > 0 && wilson(errors, requests, SIGMA).lower > rate;
