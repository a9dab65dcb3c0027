import { useSyncExternalStore } from 'react';

/** How long what was done stays in sight. */
const SEEN_MS = 8_000;

let said: string | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();
function become(text: string | null): void {
  said = text;
  for (const listener of listeners) listener();
}

/** Says what was done, on whatever page one is then. */
export function tell(text: string): void {
  clearTimeout(timer);
  become(text);
  timer = setTimeout(() => become(null), SEEN_MS);
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
};

export function Told() {
  const text = useSyncExternalStore(subscribe, () => said);
  return (
    <div className="told" role="status" aria-live="polite" data-shown={text !== null}>
      {text}
    </div>
  );
}
