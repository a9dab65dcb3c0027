import { setTimeout as sleep } from 'node:timers/promises';
import { RunView } from '@millwright/domain';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { Client } from '../client.ts';
import { Fail } from '../fail.ts';

export type Seen = { raw: unknown; run: RunView };

/** A quiet stream is asked for anew: every event is a whole view, so nothing is lost by it, and a stream that died unnoticed is found. */
const QUIET_MS = 20_000;
/** How long a factory that went away may take to come back. */
const AWAY_MS = 60_000;
const RETRY_MS = [100, 250, 500, 1_000, 2_000];

const ended = (run: RunView) => run.state !== 'running' && run.state !== 'waiting';

type Memory = { lastId: string | null; last: string };

/** One connection's events; ends when the stream does, or is quiet, or `signal` aborts. */
async function* connected(
  client: Client,
  id: string,
  memory: Memory,
  signal: AbortSignal,
): AsyncGenerator<Seen> {
  const own = new AbortController();
  const either = AbortSignal.any([own.signal, signal]);
  let quiet = setTimeout(() => own.abort(), QUIET_MS);
  try {
    const headers: Record<string, string> = memory.lastId === null ? {} : { 'last-event-id': memory.lastId };
    const response = await client.stream(`/runs/${encodeURIComponent(id)}/events`, headers, either);
    if (response.body === null) return;
    const events = response.body
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream());
    for await (const event of events) {
      clearTimeout(quiet);
      quiet = setTimeout(() => own.abort(), QUIET_MS);
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
export async function* runViews(client: Client, id: string, signal: AbortSignal): AsyncGenerator<Seen> {
  const memory: Memory = { lastId: null, last: '' };
  let tries = 0;
  let seenAt = Date.now();
  while (!signal.aborted) {
    try {
      for await (const seen of connected(client, id, memory, signal)) {
        tries = 0;
        seenAt = Date.now();
        yield seen;
        if (ended(seen.run)) return;
      }
      seenAt = Date.now();
    } catch (error) {
      if (signal.aborted) return;
      // The very first try fails at once: a wrong address should not look like a slow one.
      if (!wentAway(error) || memory.last === '' || Date.now() - seenAt > AWAY_MS) throw error;
    }
    await sleep(RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
    tries += 1;
  }
}
