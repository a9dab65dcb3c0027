import type { Undo } from './facts.ts';
import type { Instant } from './ids.ts';

const MINUTE = 60_000;

/** `0.4 s`, `12 s`: how long going back takes, as people say it. */
const took = (ms: number): string =>
  `${ms < 9_950 ? (Math.max(ms, 100) / 1_000).toFixed(1) : Math.round(ms / 1_000)} s`;

function since(at: Instant, now: Instant): string {
  const minutes = Math.floor((now - at) / MINUTE);
  if (minutes < 1) return 'just now';
  if (minutes < 120) return `${minutes} min ago`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)} h ago` : `${Math.floor(minutes / 1_440)} days ago`;
}

/** `yes, 0.4 s, rehearsed just now`, or `no: drops column `x``. Shown beside everything that asks whether a release may go out. */
export function undoText(undo: Undo, now: Instant): string {
  if (!undo.possible) return `no: ${undo.why ?? 'it does not work'}`;
  if (undo.to === null) return 'by stopping it: nothing served before it, so nothing serves after';
  if (undo.ms === null || undo.at === null) return 'yes, not rehearsed';
  const stale = undo.rehearsed ? '' : ', but beside another release than the one that is live now';
  return `yes, ${took(undo.ms)}, rehearsed ${since(undo.at, now)}${stale}`;
}
