import { EventSourceParserStream } from 'eventsource-parser/stream';
import { useSyncExternalStore } from 'react';
import { Failed, stream } from './client.ts';
import { heard } from './queries.ts';

// What comes onto the trail, as it comes: one connection, taken up again after the last event that was heard.

/** `since`: of the last word from the factory, ms since 1970. */
export type Live = { state: 'connecting' | 'live' | 'away'; since: number };

/** A stream is silent no longer than a beat, every 15 s. */
const QUIET_MS = 35_000;
const RETRY_MS = [250, 500, 1_000, 2_000, 4_000];
/** Between two times that what is looked at is read again, while entries come. */
const PACE_MS = 700;

let live: Live = { state: 'connecting', since: Date.now() };
const listeners = new Set<() => void>();
function become(state: Live['state']): void {
  if (state === live.state) return;
  live = { state, since: Date.now() };
  for (const listener of listeners) listener();
}

const waiting = new Set<string | null>();
function soon(run: string | null): void {
  const first = waiting.size === 0;
  waiting.add(run);
  if (!first) return;
  setTimeout(() => {
    const runs = new Set(waiting);
    waiting.clear();
    heard(runs);
  }, PACE_MS);
}

const runIn = (data: string): string | null => {
  const line = JSON.parse(data) as { run?: string | null };
  return line.run ?? null;
};

/** Follows until `signal` aborts; throws nothing. Returns the last event's id. */
async function connected(lastId: string | null, signal: AbortSignal): Promise<string | null> {
  const own = new AbortController();
  let quiet = setTimeout(() => own.abort(), QUIET_MS);
  const word = () => {
    clearTimeout(quiet);
    quiet = setTimeout(() => own.abort(), QUIET_MS);
    if (live.state !== 'live') become('live');
  };
  let last = lastId;
  try {
    const headers = lastId === null ? {} : { 'last-event-id': lastId };
    const { body } = await stream('watchTrail', { headers }, AbortSignal.any([signal, own.signal]));
    if (body === null) return last;
    word();
    // What happened between two connections is told by the first event, or was missed before there was one.
    if (lastId === null) soon(null);
    const reader = body
      .pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>)
      .pipeThrough(new EventSourceParserStream({ onComment: word }))
      .getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      word();
      const { id, event, data } = read.value;
      if (id !== undefined) last = id;
      if (event === 'entry') soon(runIn(data));
    }
  } catch (error) {
    // Refused, it stays so until who asks is another; a connection that ended is taken up again.
    if (error instanceof Failed && error.kind === 'refused') await new Promise((go) => setTimeout(go, 5_000));
  } finally {
    clearTimeout(quiet);
    own.abort();
  }
  return last;
}

/** Follows the trail while somebody is signed in; the function ends it. */
export function follow(): () => void {
  const ended = new AbortController();
  void (async () => {
    let last: string | null = null;
    for (let tries = 0; !ended.signal.aborted; tries += 1) {
      const from = Date.now();
      last = await connected(last, ended.signal);
      if (ended.signal.aborted) return;
      become('away');
      if (Date.now() - from > QUIET_MS) tries = 0;
      await new Promise((go) => setTimeout(go, RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]));
    }
  })();
  return () => ended.abort();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
};
export const useLive = (): Live => useSyncExternalStore(subscribe, () => live);
