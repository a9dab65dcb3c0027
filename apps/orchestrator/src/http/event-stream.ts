import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TrailLine } from '@millwright/api';
import type { OpenTrail } from '@millwright/audit';

/** A comment so often: who listens can tell a quiet trail from a connection that died. Milliseconds. */
const BEAT_MS = 15_000;

/**
 * What comes onto the trail after `after`, as server-sent events whose ids are positions, until `signal` aborts. `linesAfter` has what of it
 * is asked for, up to a position. Whoever reads too slowly is waited for, and misses nothing.
 */
export function eventStream(
  trail: Pick<OpenTrail, 'follow'>,
  after: number,
  linesAfter: (after: number, through: number) => AsyncGenerator<TrailLine>,
  signal: AbortSignal,
): Readable {
  async function* told(): AsyncGenerator<string> {
    let last = after;
    const batches = trail.follow({ after, signal });
    yield ': the trail from here on\n\n'; // headers leave with the first bytes
    for (let next = batches.next(); ; ) {
      const quiet = new AbortController();
      const beat = sleep(BEAT_MS, null, { signal: quiet.signal }).catch(() => null);
      const batch = await Promise.race([next, beat]);
      quiet.abort();
      if (batch === null) {
        yield ': beat\n\n';
        continue;
      }
      if (batch.done === true) return;
      const through = batch.value.at(-1)?.envelope.position ?? last;
      for await (const line of linesAfter(last, through))
        yield `id: ${line.position}\nevent: entry\ndata: ${JSON.stringify(line)}\n\n`;
      last = through;
      next = batches.next();
    }
  }
  return Readable.from(told(), { objectMode: false });
}
