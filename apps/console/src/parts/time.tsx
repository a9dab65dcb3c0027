import { useSyncExternalStore } from 'react';
import { ago, duration, exactly } from '../words/format.ts';

let now = Date.now();
let timer: ReturnType<typeof setInterval> | null = null;
const listeners = new Set<() => void>();

/** One clock for everything on the page that tells a time. */
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  if (timer === null) now = Date.now();
  timer ??= setInterval(() => {
    now = Date.now();
    for (const one of listeners) one();
  }, 1_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
};

/** Milliseconds since 1970, anew each second. */
export const useNow = (): number => useSyncExternalStore(subscribe, () => now);

/** When something was or will be: from now, and exactly where it is pointed at. */
export function When({ at }: { at: number }) {
  const ticked = useNow();
  // What happened since the last tick is not to come.
  const seen = at <= Date.now() ? Math.max(ticked, at) : ticked;
  return (
    <time dateTime={new Date(at).toISOString()} title={exactly(at)}>
      {ago(at, seen)}
    </time>
  );
}

/** How long something took, or takes so far. */
export function Lasting({ from, to }: { from: number; to: number | null }) {
  const until = useNow();
  return <span className="figure">{duration((to ?? Math.max(until, from)) - from)}</span>;
}
