import {
  type Canary,
  judge,
  type Look,
  observe,
  type Rules,
  type Sample,
  startCanary,
} from '../canary/judge.ts';
import { Histogram } from '../proxy/histogram.ts';

// A canary played with drawn answers instead of a service: what docs/canary.md's tables are made of.

/** Mulberry32 (public domain, T. Ettinger): small, seeded, good enough to draw answers. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Service = {
  readonly errors: number;
  /** Log-normal: the middle in ms, and how wide. */
  readonly p50?: number;
  readonly spread?: number;
};
export type Play = {
  readonly fresh: Service;
  readonly old: Service;
  /** Share of the new release, 0–1. */
  readonly share: number;
  readonly perLook: number;
  readonly looks: number;
  readonly rules?: Partial<Rules['rollbackWhen']>;
  /** The new release behaves as the old one until this look. */
  readonly turnsAt?: number;
};

function drawn(random: () => number, service: Service, n: number): Sample {
  const latency = service.p50 === undefined ? null : new Histogram();
  let hits = 0;
  for (let at = 0; at < n; at += 1) {
    if (random() < service.errors) hits += 1;
    else if (service.p50 !== undefined) {
      const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      latency?.add(Math.round(service.p50 * Math.exp((service.spread ?? 0.4) * normal)));
    }
  }
  return { n, hits, latency };
}

/** Requests that the new release had answered (since it turned bad) when it was degraded; null when it never was. */
export function play(
  seed: number,
  { fresh, old, share, perLook, looks, rules, turnsAt = 0 }: Play,
): number | null {
  const random = randomFrom(seed);
  const judged: Rules = {
    rollbackWhen: { errorRate: 0.01, p95Ratio: 1.5, restarts: 1, ...rules },
    minRequests: 20,
    measured: true,
    hasOld: true,
  };
  let canary: Canary = startCanary();
  let answered = 0;
  for (let at = 0; at < looks; at += 1) {
    let mine = 0;
    for (let request = 0; request < perLook; request += 1) if (random() < share) mine += 1;
    const look: Look = {
      fresh: drawn(random, at < turnsAt ? old : fresh, mine),
      old: drawn(random, old, perLook - mine),
      restarts: 0,
      probe: true,
      checks: [],
    };
    if (at >= turnsAt) answered += mine;
    canary = observe(canary, look, judged);
    if (judge(canary, look, judged).kind === 'degraded') return answered;
  }
  return null;
}

export type Played = { readonly found: number; readonly median: number | null; readonly p90: number | null };

/** Plays it with seeds 1…`times`: the share that was degraded, and the requests it took. */
export function playMany(times: number, how: Play): Played {
  const delays = Array.from({ length: times }, (_, seed) => play(seed + 1, how))
    .map((delay) => delay ?? Number.POSITIVE_INFINITY)
    .sort((a, b) => a - b);
  const at = (share: number) => {
    const delay = delays[Math.min(times - 1, Math.floor(share * times))] ?? Number.POSITIVE_INFINITY;
    return Number.isFinite(delay) ? delay : null;
  };
  return { found: delays.filter(Number.isFinite).length / times, median: at(0.5), p90: at(0.9) };
}
