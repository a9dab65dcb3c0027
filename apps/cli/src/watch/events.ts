import { setTimeout as sleep } from 'node:timers/promises';
import { RunView } from '@millwright/api';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { Client } from '../client.ts';
import { Fail } from '../fail.ts';

export type Seen = { raw: unknown; run: RunView };

export type Patience = {
  /** A stream that says nothing for this long is asked for anew: every event is a whole view, so nothing is lost by it, and a stream that died unnoticed is found. */
  quietMs: number;
  /** How long a factory that went away may take to come back. */
  awayMs: number;
};
const PATIENCE: Patience = { quietMs: 20_000, awayMs: 60_000 };
const RETRY_MS = [100, 250, 500, 1_000, 2_000];

const ended = (run: RunView) => run.endedAt !== null;

type Memory = { lastId: string | null; last: string; contactAt: number };

/** One connection's events; ends when the stream does, or is quiet, or `signal` aborts. */
async function* connected(
  client: Client,
  id: string,
  memory: Memory,
  signal: AbortSignal,
  quietMs: number,
): AsyncGenerator<Seen> {
  const own = new AbortController();
  const either = AbortSignal.any([own.signal, signal]);
  let quiet = setTimeout(() => own.abort(), quietMs);
  const heard = () => {
    memory.contactAt = Date.now();
    clearTimeout(quiet);
    quiet = setTimeout(() => own.abort(), quietMs);
  };
  try {
    const headers: Record<string, string> = memory.lastId === null ? {} : { 'last-event-id': memory.lastId };
    const response = await client.stream('watchRun', { params: { id } }, headers, either);
    heard();
    if (response.body === null) return;
    const events = response.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream());
    for await (const event of events) {
      heard();
      if (event.id !== undefined) memory.lastId = event.id;
      if (event.event !== 'run' || event.data === memory.last) continue;
      memory.last = event.data;
      const raw: unknown = JSON.parse(event.data);
      yield { raw, run: RunView.parse(raw) };
    }
  } finally {
    clearTimeout(quiet);
    own.abort();
  }
}

/** Whether the connection went away, as opposed to the factory having refused. */
const wentAway = (error: unknown): boolean =>
  (error instanceof Fail && error.problem.exitCode === 3) ||
  (error instanceof Error && (error.name === 'AbortError' || error instanceof TypeError));

/**
 * A run's views, each once, the present one first, until its end; resumes over lost connections and a restarted factory. Throws the factory's refusal, or
 * `unreachable` when it stayed away for a minute; ends without the run's end only when `signal` aborts.
 */
export async function* runViews(
  client: Client,
  id: string,
  signal: AbortSignal,
  patience: Patience = PATIENCE,
): AsyncGenerator<Seen> {
  const memory: Memory = { lastId: null, last: '', contactAt: Date.now() };
  let tries = 0;
  while (!signal.aborted) {
    const before = memory.contactAt;
    try {
      for await (const seen of connected(client, id, memory, signal, patience.quietMs)) {
        yield seen;
        if (ended(seen.run)) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      // The very first try fails at once: a wrong address should not look like a slow one.
      const away = Date.now() - memory.contactAt > patience.awayMs;
      if (!wentAway(error) || memory.last === '' || away) throw error;
    }
    if (memory.contactAt > before) tries = 0;
    await sleep(RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
    tries += 1;
  }
}
