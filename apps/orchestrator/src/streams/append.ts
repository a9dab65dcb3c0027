import type { OpenTrail } from '@millwright/audit';
import { type Actor, type Entry, retryable, type StreamId, terminal } from '@millwright/domain';
import type { World } from '../views/world.ts';

type Ports = { trail: OpenTrail; world: World };

const TRIES = 20;

/**
 * Appends to a stream whatever its version is now, and resolves with the position when the world has it. `make` decides on the stream as it
 * was read for this try; null: there is nothing to append any more. Rejects where others append all the time.
 */
export async function appendWith(
  { trail, world }: Ports,
  stream: StreamId,
  actor: Actor,
  make: (read: Awaited<ReturnType<Ports['trail']['read']>>) => Entry | null,
): Promise<number | null> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const read = await trail.read(stream);
    const entry = make(read);
    if (entry === null) return null;
    const expectedVersion = read.at(-1)?.envelope.version ?? 0;
    const appended = await trail.append({ stream, expectedVersion, actor, entries: [entry] });
    if (appended.kind === 'refused') throw terminal('trail-refused', appended.reason);
    if (appended.kind === 'conflict') continue;
    await world.reached(appended.position);
    return appended.position;
  }
  throw retryable('busy', `${stream} is being written to; try again`);
}
